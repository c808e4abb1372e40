SELECT callback FROM request WHERE id = ?1 AND callback < ?2;
