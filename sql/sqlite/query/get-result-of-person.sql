-- The newest requests for the person, and of these the newest result that is young enough, by when Pronto gave it: its text, or the
-- callback that brought it (source 1).
SELECT coalesce(result.received_at, callback.received_at), result.json, callback.body
FROM (SELECT request FROM person WHERE digest = ?1 ORDER BY request DESC LIMIT ?3) AS known
JOIN request ON request.id = known.request
LEFT JOIN result ON result.request = known.request
LEFT JOIN callback ON callback.id = request.callback AND request.source = 1
WHERE coalesce(result.received_at, callback.received_at) >= ?2 LIMIT 1
