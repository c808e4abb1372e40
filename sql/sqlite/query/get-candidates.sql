-- The requests of a submission, with what is to be known of it for each of them.
SELECT request.id, class, submission, created_at, request.enrichment_id, custom_digest, credits, credit_day, submitted_at, callback,
  submission.state, submission.bulk, submission.unanswered, submission.token
FROM submission JOIN request INDEXED BY request_by_submission ON request.submission = submission.id
WHERE submission.id = ?1 ORDER BY request.id
