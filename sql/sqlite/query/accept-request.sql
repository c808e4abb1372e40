UPDATE request SET class = ?2, submitted_at = ?3, enrichment_id = ?4, error = NULL WHERE id = ?1
