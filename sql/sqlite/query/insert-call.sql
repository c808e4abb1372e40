INSERT INTO call (submission, started_at) VALUES (?1, ?2)
