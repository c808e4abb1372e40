DELETE FROM poll WHERE due_at = ?1 AND request = ?2
