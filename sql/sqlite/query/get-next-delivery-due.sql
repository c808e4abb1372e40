SELECT next_at FROM delivery INDEXED BY delivery_due
WHERE hook = ?1 AND next_at > ?2 AND state IN (0, 2) ORDER BY next_at LIMIT 1
