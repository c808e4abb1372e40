-- Keys grow with the time of creation: a search of halves asks for the first one from a key on.
SELECT id, created_at FROM delivery WHERE id >= ?1 ORDER BY id LIMIT 1;
