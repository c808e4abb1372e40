SELECT digest FROM result WHERE request = ?1
