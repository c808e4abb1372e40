-- The earliest that waited for the one that ended.
UPDATE delivery SET next_at = ?3
WHERE id = (SELECT id FROM delivery INDEXED BY delivery_by_request
            WHERE request = ?1 AND hook = ?2 AND state = 0 AND next_at IS NULL ORDER BY id LIMIT 1)
