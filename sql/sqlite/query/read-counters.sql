SELECT b, n FROM counter WHERE kind = ?1 AND a = ?2;
