SELECT id, created_at FROM request WHERE id >= ?1 ORDER BY id LIMIT 1;
