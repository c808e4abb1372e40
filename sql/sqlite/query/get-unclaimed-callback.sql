SELECT id, received_at FROM callback INDEXED BY callback_unclaimed
WHERE request IS NULL AND state <> 0 AND id > ?1 ORDER BY id LIMIT 1
