INSERT INTO delivery (hook, state, event, request, callback, dead, created_at, next_at)
VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6, ?7)
