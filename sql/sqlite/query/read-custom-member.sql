SELECT 1 FROM custom_member WHERE hash = ?1 AND request = ?2;
