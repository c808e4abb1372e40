SELECT id FROM delivery WHERE hook = ?1 AND state = ?2 AND id < ?3 AND id >= ?4 ORDER BY id DESC LIMIT ?5;
