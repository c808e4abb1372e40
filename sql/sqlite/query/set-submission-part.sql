UPDATE submission SET part = ?2 WHERE id = ?1
