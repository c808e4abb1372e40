-- Events have no index: as many are kept as a scan takes some milliseconds for.
DELETE FROM event WHERE request = ?1
  OR delivery IN (SELECT id FROM delivery INDEXED BY delivery_by_request WHERE request = ?1)
  OR callback IN (SELECT id FROM callback INDEXED BY callback_beside_request WHERE request = ?1 AND state <> 0
                  UNION ALL SELECT callback FROM request WHERE id = ?1)
