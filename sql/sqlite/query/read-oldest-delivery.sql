SELECT created_at FROM delivery WHERE hook = ?1 AND state = ?2 ORDER BY id LIMIT 1;
