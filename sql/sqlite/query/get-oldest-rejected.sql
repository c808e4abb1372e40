SELECT id, length(body) FROM callback INDEXED BY callback_by_state WHERE state <> 0 AND state = 5 ORDER BY id LIMIT 1
