-- What Pronto answered to calls that had the request ?2 and nobody else who is still there.
SELECT enrichment_id FROM call INDEXED BY call_by_submission
WHERE submission = ?1 AND enrichment_id IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM request INDEXED BY request_by_submission
                  WHERE request.submission = ?1 AND request.id BETWEEN first_request AND last_request
                    AND request.id <> ?2)
