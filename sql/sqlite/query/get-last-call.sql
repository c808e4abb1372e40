-- The newest call that has the request.
SELECT first_request, last_request, contacts, outcome FROM call INDEXED BY call_by_submission
WHERE submission = ?1 AND first_request <= ?2 AND last_request >= ?2 ORDER BY id DESC LIMIT 1
