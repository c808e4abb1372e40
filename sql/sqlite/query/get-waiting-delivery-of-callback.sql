SELECT id FROM delivery INDEXED BY delivery_of_callback WHERE callback = ?1 AND state IN (0, 1, 2) LIMIT 1
