SELECT id FROM request INDEXED BY request_by_submission WHERE submission = ?1 AND id <> ?2 LIMIT 1
