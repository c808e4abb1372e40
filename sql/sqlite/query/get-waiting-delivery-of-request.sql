-- One that is not over: of the request itself, or of a callback that turned out to be about it.
SELECT id FROM delivery INDEXED BY delivery_by_request WHERE request = ?1 AND state IN (0, 1, 2)
UNION ALL
SELECT id FROM delivery INDEXED BY delivery_of_callback WHERE state IN (0, 1, 2) AND callback IN (
  SELECT id FROM callback INDEXED BY callback_beside_request WHERE request = ?1 AND state <> 0
  UNION ALL SELECT callback FROM request WHERE id = ?1)
LIMIT 1
