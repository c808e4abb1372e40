-- The next one in the order of their deaths.
SELECT id, finished_at FROM delivery INDEXED BY delivery_dead
WHERE hook = ?1 AND event = ?2 AND state = 4 AND (finished_at, id) > (?3, ?4) AND finished_at < ?5
ORDER BY finished_at, id LIMIT 1
