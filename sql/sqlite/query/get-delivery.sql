SELECT hook, state, event, request, attempts, interruptions, created_at, renewed_at, callback FROM delivery WHERE id = ?1
