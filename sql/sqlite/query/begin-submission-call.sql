UPDATE submission SET state = 1, next_at = NULL, part = CASE WHEN bulk = 0 THEN 1 ELSE part END WHERE id = ?1
