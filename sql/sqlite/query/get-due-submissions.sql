SELECT id FROM submission INDEXED BY submission_due
WHERE state = 0 AND next_at <= ?1 ORDER BY next_at, id LIMIT ?2
