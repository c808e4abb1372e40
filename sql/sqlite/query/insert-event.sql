INSERT INTO event (at, name, request, delivery, callback) VALUES (?1, ?2, ?3, ?4, ?5)
