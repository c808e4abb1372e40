UPDATE submission SET next_at = ?1 WHERE state = 0 AND next_at > ?2
