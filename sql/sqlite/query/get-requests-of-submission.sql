SELECT id, class, submission, created_at, enrichment_id, custom_digest, credits, credit_day, submitted_at, callback
FROM request INDEXED BY request_by_submission WHERE submission = ?1 ORDER BY id
