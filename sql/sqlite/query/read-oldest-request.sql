SELECT min(created_at) FROM request WHERE class = ?1;
