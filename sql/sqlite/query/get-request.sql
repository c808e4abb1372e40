SELECT id, class, submission, created_at, enrichment_id, custom_digest, credits, credit_day, submitted_at, callback FROM request WHERE id = ?1
