UPDATE delivery SET state = ?2, attempts = ?3, interruptions = ?4, next_at = ?5, finished_at = ?6, renewed_at = ?7
WHERE id = ?1
