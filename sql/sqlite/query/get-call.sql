SELECT submission, outcome IS NOT NULL, first_request, last_request, contacts, price FROM call WHERE id = ?1
