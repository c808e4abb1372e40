-- The deliveries of a request, one after the other.
SELECT id, finished_at FROM delivery INDEXED BY delivery_by_request WHERE request = ?1 AND id > ?2 ORDER BY id LIMIT 1
