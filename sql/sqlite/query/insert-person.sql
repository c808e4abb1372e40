INSERT OR IGNORE INTO person (digest, request) VALUES (?1, ?2)
