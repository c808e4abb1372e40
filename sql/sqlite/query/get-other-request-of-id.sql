SELECT id FROM request INDEXED BY request_by_enrichment_id WHERE enrichment_id = ?1 AND id <> ?2 LIMIT 1
