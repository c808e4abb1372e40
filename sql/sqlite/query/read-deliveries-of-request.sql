SELECT id FROM delivery WHERE request = ?1 AND id < ?2 AND id >= ?3 ORDER BY id DESC LIMIT ?4;
