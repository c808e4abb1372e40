UPDATE submission SET bulk = 1 WHERE id = ?1
