INSERT OR IGNORE INTO tombstone (digest, erased_at) VALUES (?1, ?2)
