-- Made before schema 6; later ones carry the key of their submission.
SELECT id, token FROM submission WHERE token_digest = ?1;
