SELECT request, json, raw FROM result WHERE request > ?1 ORDER BY request LIMIT ?2;
