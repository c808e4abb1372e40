-- Of an erased request: what Pronto answered to the calls that had it. An identifier stays when it is that of others, too.
UPDATE call SET error = NULL, enrichment_id = CASE
  WHEN EXISTS (SELECT 1 FROM request INDEXED BY request_by_submission
               WHERE request.submission = ?1 AND request.id BETWEEN first_request AND last_request) THEN enrichment_id END
WHERE submission = ?1 AND first_request <= ?2 AND last_request >= ?2
