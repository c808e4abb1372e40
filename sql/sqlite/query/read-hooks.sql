SELECT id FROM hook;
