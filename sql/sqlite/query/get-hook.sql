SELECT id FROM hook WHERE name = ?1
