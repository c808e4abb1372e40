INSERT INTO delivery (id, hook, state, event, request, callback, dead, created_at, next_at)
VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7, ?8)
