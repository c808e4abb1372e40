-- Current ones, and stale ones whose request has another poll_at by now, or is gone.
SELECT poll.due_at, poll.request, request.poll_at FROM poll LEFT JOIN request ON request.id = poll.request
WHERE poll.due_at <= ?1 ORDER BY poll.due_at, poll.request LIMIT ?2
