UPDATE request SET poll_at = ?2 WHERE id = ?1
