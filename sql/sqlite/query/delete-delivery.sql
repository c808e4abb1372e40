-- Attempts go with it.
DELETE FROM delivery WHERE id = ?1
