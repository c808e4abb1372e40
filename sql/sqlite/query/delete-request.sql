-- Content, custom members and result go with it.
DELETE FROM request WHERE id = ?1
