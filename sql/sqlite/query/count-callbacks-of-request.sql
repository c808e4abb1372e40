SELECT state, differs, length(body), id FROM callback
WHERE id IN (SELECT id FROM callback INDEXED BY callback_beside_request WHERE request = ?1 AND state <> 0
             UNION ALL SELECT callback FROM request WHERE id = ?1)
