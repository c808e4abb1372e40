SELECT id, token FROM submission WHERE token_digest = ?1;
