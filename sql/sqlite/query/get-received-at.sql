SELECT received_at FROM callback WHERE id = ?1
