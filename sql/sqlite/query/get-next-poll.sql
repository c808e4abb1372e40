SELECT due_at FROM poll ORDER BY due_at LIMIT 1
