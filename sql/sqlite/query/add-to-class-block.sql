INSERT INTO class_block (class, block, n) VALUES (?1, ?2, ?3)
ON CONFLICT (class, block) DO UPDATE SET n = n + excluded.n
