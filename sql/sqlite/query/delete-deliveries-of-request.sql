-- Attempts go with them.
DELETE FROM delivery WHERE id IN (
  SELECT id FROM delivery INDEXED BY delivery_by_request WHERE request = ?1)
