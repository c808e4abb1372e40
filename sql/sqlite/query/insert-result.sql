INSERT INTO result (request, received_at, digest, json) VALUES (?1, ?2, ?3, ?4)
