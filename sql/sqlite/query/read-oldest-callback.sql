SELECT received_at FROM callback WHERE state = ?1 ORDER BY id LIMIT 1;
