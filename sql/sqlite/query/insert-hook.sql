INSERT INTO hook (name) VALUES (?1)
