-- The newest requests for the person, and of these the newest result that is young enough, by when Pronto gave it.
SELECT result.received_at, result.digest, result.json
FROM (SELECT request FROM person WHERE digest = ?1 ORDER BY request DESC LIMIT ?3) AS known JOIN result ON result.request = known.request
WHERE result.received_at >= ?2 LIMIT 1
