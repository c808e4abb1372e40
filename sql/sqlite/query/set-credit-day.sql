INSERT INTO credit_day (day, reserved, spent) VALUES (?1, ?2, ?3)
ON CONFLICT (day) DO UPDATE SET reserved = excluded.reserved, spent = excluded.spent
