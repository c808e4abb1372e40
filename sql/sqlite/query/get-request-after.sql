-- The next one of a class.
SELECT request.id, created_at, coalesce(finished_at, created_at)
FROM class_block CROSS JOIN request ON request.id >= max(?2 + 1, block << 7) AND request.id < (block + 1) << 7
WHERE class_block.class = ?1 AND block >= ?2 >> 7 AND request.class = ?1
ORDER BY block, request.id LIMIT 1
