SELECT id FROM delivery INDEXED BY delivery_due
WHERE hook = ?1 AND next_at <= ?2 AND state IN (0, 2) ORDER BY next_at, id LIMIT ?3
