SELECT number, started_at, duration_ms, exit_code, signal, timed_out, interrupted, error, output, cpu_ms, memory_bytes FROM attempt
WHERE delivery = ?1 ORDER BY number DESC LIMIT ?2;
