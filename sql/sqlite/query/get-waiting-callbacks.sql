SELECT id FROM callback INDEXED BY callback_waiting
WHERE enrichment_id = ?1 AND state = 2 AND id > ?2 ORDER BY id LIMIT 1
