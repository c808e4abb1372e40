SELECT id, class, submission, created_at, enrichment_id, custom_digest FROM request WHERE id = ?1
