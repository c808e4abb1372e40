SELECT created_at
FROM class_block CROSS JOIN request ON request.id >= block << 7 AND request.id < (block + 1) << 7
WHERE class_block.class = ?1 AND request.class = ?1 ORDER BY block, request.id LIMIT 1;
