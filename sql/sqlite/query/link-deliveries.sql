-- Deliveries of event unmatched, of callbacks that turned out to be about a request.
UPDATE delivery SET request = ?1 WHERE callback IN (
  SELECT id FROM callback WHERE (request = ?1 AND state <> 0)
  UNION ALL SELECT callback FROM request WHERE id = ?1)
