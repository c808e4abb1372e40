DELETE FROM callback WHERE id = ?1
