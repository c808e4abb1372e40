UPDATE request SET callback = ?2 WHERE id = ?1
