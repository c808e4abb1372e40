UPDATE request SET class = ?2, finished_at = ?3, error = coalesce(error, ?4) WHERE id = ?1
