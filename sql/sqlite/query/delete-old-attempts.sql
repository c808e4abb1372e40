DELETE FROM attempt WHERE delivery = ?1 AND number <= ?2
