SELECT created_at, id FROM request
WHERE class = ?1 AND created_at < ?2 AND created_at >= ?3
ORDER BY created_at DESC, id DESC LIMIT ?4;
