SELECT number, error FROM attempt WHERE delivery = ?1 ORDER BY number DESC LIMIT 1;
