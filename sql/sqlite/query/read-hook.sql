SELECT id, last_success_at, last_failure_at FROM hook WHERE name = ?1;
