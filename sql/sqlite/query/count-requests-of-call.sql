SELECT count(*) FROM request INDEXED BY request_by_submission WHERE submission = ?1 AND id BETWEEN ?2 AND ?3
