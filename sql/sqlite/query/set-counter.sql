INSERT INTO counter (kind, a, b, n) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (kind, a, b) DO UPDATE SET n = excluded.n
