-- The one of a type that is due first.
SELECT id, next_at FROM submission INDEXED BY submission_due
WHERE state = 0 AND enrichment_type = ?1 ORDER BY next_at, id LIMIT 1
