-- A wall clock that was wrong must not hold anything back for years.
UPDATE delivery SET next_at = ?2 WHERE hook = ?1 AND next_at > ?3 AND state IN (0, 2)
