DELETE FROM tombstone WHERE digest IN (
  SELECT digest FROM tombstone INDEXED BY tombstone_by_age WHERE erased_at < ?1 ORDER BY erased_at LIMIT ?2)
