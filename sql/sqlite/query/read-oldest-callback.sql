SELECT received_at FROM callback WHERE state = ?1 AND state <> 0 ORDER BY id LIMIT 1;
