UPDATE callback SET request = ?2 WHERE id = ?1
