-- Calls go with it.
DELETE FROM submission WHERE id = ?1
