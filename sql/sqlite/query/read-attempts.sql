SELECT number, started_at, duration_ms, exit_code, signal, timed_out, interrupted, error, output FROM attempt
WHERE delivery = ?1 ORDER BY number DESC LIMIT ?2;
