UPDATE request SET submission = ?2 WHERE submission = ?1
