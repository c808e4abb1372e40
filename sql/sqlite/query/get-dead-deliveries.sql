SELECT id FROM delivery INDEXED BY delivery_by_class WHERE hook = ?1 AND state = 4 AND id > ?2 ORDER BY id LIMIT 1
