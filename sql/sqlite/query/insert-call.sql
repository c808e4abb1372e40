INSERT INTO call (submission, started_at, first_request, last_request, contacts, price)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
