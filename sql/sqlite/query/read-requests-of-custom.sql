SELECT request FROM custom_member WHERE hash = ?1 AND request < ?2 ORDER BY request DESC LIMIT ?3;
