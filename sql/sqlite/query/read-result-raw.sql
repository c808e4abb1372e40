SELECT received_at, raw FROM result WHERE request = ?1;
