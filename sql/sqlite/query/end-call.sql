UPDATE call SET ended_at = ?2, outcome = ?3, enrichment_id = ?4, error = ?5 WHERE id = ?1
