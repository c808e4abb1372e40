INSERT OR IGNORE INTO poll (due_at, request) VALUES (?1, ?2)
