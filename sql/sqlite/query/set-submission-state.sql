UPDATE submission SET state = ?2, next_at = ?3 WHERE id = ?1
