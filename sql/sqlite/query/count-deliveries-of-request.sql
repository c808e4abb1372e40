SELECT hook, state FROM delivery INDEXED BY delivery_by_request WHERE request = ?1
