SELECT id, length(body) FROM callback INDEXED BY callback_by_state WHERE state = 5 ORDER BY id LIMIT 1
