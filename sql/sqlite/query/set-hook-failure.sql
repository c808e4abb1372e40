UPDATE hook SET last_failure_at = ?2 WHERE id = ?1
