SELECT id FROM request WHERE enrichment_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3;
