SELECT received_at, body FROM callback WHERE id = ?1;
