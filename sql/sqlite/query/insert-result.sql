INSERT INTO result (request, received_at, digest, json, raw) VALUES (?1, ?2, ?3, ?4, ?5)
