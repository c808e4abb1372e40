-- When something happened last, as far as this store knows.
SELECT max(coalesce((SELECT at FROM event ORDER BY id DESC LIMIT 1), 0),
           coalesce((SELECT received_at FROM callback ORDER BY id DESC LIMIT 1), 0),
           coalesce((SELECT created_at FROM request ORDER BY id DESC LIMIT 1), 0))
