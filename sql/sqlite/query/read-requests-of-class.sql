-- Those before one key, down to another, newest first. Each block has one at least, so no more than a block for each row is looked at.
SELECT request.id
FROM class_block CROSS JOIN request ON request.id >= max(?3, block << 7) AND request.id < min(?2, (block + 1) << 7)
WHERE class_block.class = ?1 AND block <= (?2 - 1) >> 7 AND block >= ?3 >> 7 AND request.class = ?1
ORDER BY block DESC, request.id DESC LIMIT ?4;
