-- Of a hook's oldest dead ones, how many are older than that; keys grow with time.
SELECT count(*) FROM (SELECT created_at FROM delivery WHERE hook = ?1 AND state = 4 ORDER BY id LIMIT ?3)
WHERE created_at < ?2;
