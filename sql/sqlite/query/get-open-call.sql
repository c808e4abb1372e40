SELECT id FROM call WHERE submission = ?1 AND outcome IS NULL LIMIT 1
