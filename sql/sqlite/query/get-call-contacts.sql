SELECT contacts FROM call INDEXED BY call_by_submission WHERE submission = ?1 AND enrichment_id = ?2 LIMIT 1
