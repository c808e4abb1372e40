-- ... then the first of a later one.
SELECT created_at, id, coalesce(finished_at, created_at) FROM request INDEXED BY request_by_class
WHERE class = ?1 AND created_at > ?2 AND created_at < ?3 ORDER BY created_at, id LIMIT 1
