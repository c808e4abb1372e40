SELECT id FROM callback WHERE state = ?1 AND state <> 0 AND id < ?2 ORDER BY id DESC LIMIT ?3;
