SELECT database_number, secret FROM meta WHERE id = 1
