SELECT id, token FROM submission WHERE id = ?1;
