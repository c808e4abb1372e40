SELECT hook, state, event, request, attempts, interruptions FROM delivery WHERE id = ?1
