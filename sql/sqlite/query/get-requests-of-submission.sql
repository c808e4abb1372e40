SELECT id, class, submission, created_at, enrichment_id, custom_digest
FROM request INDEXED BY request_by_submission WHERE submission = ?1 ORDER BY id
