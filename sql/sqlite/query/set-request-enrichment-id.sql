UPDATE request SET enrichment_id = ?2 WHERE id = ?1
