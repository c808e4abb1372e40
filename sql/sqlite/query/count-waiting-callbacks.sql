SELECT count(*) FROM (SELECT 1 FROM callback INDEXED BY callback_waiting
                      WHERE enrichment_id = ?1 AND state = 2 LIMIT 1000)
