DELETE FROM class_block WHERE class = ?1 AND block = ?2 AND n <= 0
