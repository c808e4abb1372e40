UPDATE delivery SET next_at = ?2, renewed_at = ?2 WHERE id = ?1
