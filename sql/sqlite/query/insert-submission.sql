INSERT INTO submission (id, state, enrichment_type, bulk, next_at, token) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
