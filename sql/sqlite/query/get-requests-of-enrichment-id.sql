-- More than the limit never share one of Pronto's identifiers; who registers them in bulk gets no match.
SELECT id, class, submission, created_at, enrichment_id, custom_digest, credits, credit_day, submitted_at, callback
FROM request INDEXED BY request_by_enrichment_id WHERE enrichment_id = ?1 ORDER BY id LIMIT 1000
