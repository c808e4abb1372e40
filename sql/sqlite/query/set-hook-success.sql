UPDATE hook SET last_success_at = ?2 WHERE id = ?1
