UPDATE delivery SET next_at = ?2, renewed_at = ?2, attempts = 0, interruptions = 0 WHERE id = ?1
