SELECT max(number) FROM attempt WHERE delivery = ?1
