INSERT INTO idempotency (key_digest, body_digest, first_request, n, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
