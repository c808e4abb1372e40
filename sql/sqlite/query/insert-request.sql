INSERT INTO request (class, submission, created_at, submitted_at, enrichment_id, custom_digest)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
