SELECT count(*) FROM (SELECT 1 FROM delivery INDEXED BY delivery_due
WHERE hook = ?1 AND next_at <= ?2 AND state IN (0, 2) LIMIT ?3)
