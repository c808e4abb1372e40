UPDATE submission SET next_at = ?1 WHERE state = 0 AND enrichment_type IN (0, 1, 2) AND next_at > ?2
