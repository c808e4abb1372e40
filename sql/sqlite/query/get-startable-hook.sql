SELECT id FROM hook WHERE name = ?1 AND paused = 0
