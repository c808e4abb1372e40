SELECT erased_at FROM tombstone WHERE digest = ?1
