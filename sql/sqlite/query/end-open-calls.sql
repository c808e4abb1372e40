UPDATE call SET ended_at = ?2, outcome = ?3, error = ?4 WHERE submission = ?1 AND outcome IS NULL
