INSERT INTO content (request, json) VALUES (?1, ?2)
