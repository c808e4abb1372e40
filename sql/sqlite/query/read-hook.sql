SELECT id, last_success_at, last_failure_at, paused FROM hook WHERE name = ?1;
