UPDATE callback SET request = ?2 WHERE id IN (
  SELECT id FROM callback INDEXED BY callback_waiting WHERE enrichment_id = ?1 AND state = 2)
