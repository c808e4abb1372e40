UPDATE request SET credits = ?2, credit_day = ?3 WHERE id = ?1
