INSERT OR IGNORE INTO asked (request) VALUES (?1)
