UPDATE callback SET reason = ?2 WHERE id = ?1
