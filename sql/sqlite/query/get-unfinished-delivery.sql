-- One that is before a new one of the same request and hook.
SELECT id FROM delivery INDEXED BY delivery_by_request
WHERE request = ?1 AND hook = ?2 AND state IN (0, 1, 2) LIMIT 1
