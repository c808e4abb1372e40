-- The newest call that has the request and was not answered (it may have reached Pronto): its range.
SELECT first_request, last_request FROM call INDEXED BY call_by_submission
WHERE submission = ?1 AND first_request <= ?2 AND last_request >= ?2 AND outcome = ?3 AND contacts > 1 ORDER BY id DESC LIMIT 1
