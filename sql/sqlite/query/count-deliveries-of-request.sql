SELECT hook, state, id FROM delivery INDEXED BY delivery_by_request WHERE request = ?1
