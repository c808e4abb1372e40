-- Keys whose last request ?1 was; none names more than ?2 requests.
DELETE FROM idempotency INDEXED BY idempotency_by_request
WHERE first_request BETWEEN ?1 - ?2 + 1 AND ?1 AND first_request + n > ?1
  AND NOT EXISTS (SELECT 1 FROM request WHERE id BETWEEN first_request AND first_request + n - 1)
