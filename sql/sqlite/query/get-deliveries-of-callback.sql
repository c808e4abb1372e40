-- Also those that told of the death of one.
SELECT hook, state, id FROM delivery INDEXED BY delivery_of_callback WHERE callback = ?1
