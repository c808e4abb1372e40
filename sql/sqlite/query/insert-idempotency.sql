INSERT INTO idempotency (key_digest, body_digest, submission, created_at) VALUES (?1, ?2, ?3, ?4)
