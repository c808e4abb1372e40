-- What a filter looks at before the wide parts are read.
SELECT class, created_at FROM request WHERE id = ?1;
