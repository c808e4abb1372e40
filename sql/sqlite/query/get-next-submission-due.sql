SELECT next_at FROM submission INDEXED BY submission_due WHERE state = 0 ORDER BY next_at LIMIT 1
