SELECT id FROM delivery INDEXED BY delivery_by_class WHERE hook = ?1 AND state IN (0, 1, 2) LIMIT 1
