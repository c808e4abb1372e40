-- And those that told of their death.
SELECT hook, state, id FROM delivery INDEXED BY delivery_of_callback WHERE callback = ?1
UNION ALL
SELECT hook, state, id FROM delivery INDEXED BY delivery_of_dead
WHERE dead IN (SELECT id FROM delivery INDEXED BY delivery_of_callback WHERE callback = ?1)
