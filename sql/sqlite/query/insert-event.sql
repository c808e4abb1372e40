INSERT INTO event (id, at, name, request, delivery, callback) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
