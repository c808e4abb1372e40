UPDATE delivery SET request = ?1 WHERE dead IN (
  SELECT id FROM delivery INDEXED BY delivery_by_request WHERE request = ?1) AND request IS NULL
