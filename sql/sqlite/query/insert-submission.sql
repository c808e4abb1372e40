INSERT INTO submission (state, enrichment_type, bulk, next_at, token, token_digest)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
