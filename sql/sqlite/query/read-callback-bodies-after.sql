SELECT id, request, body FROM callback WHERE id > ?1 ORDER BY id LIMIT ?2;
