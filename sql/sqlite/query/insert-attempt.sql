INSERT INTO attempt (delivery, number, started_at, duration_ms, exit_code, signal, timed_out,
                     interrupted, error, output, cpu_ms, memory_bytes)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
