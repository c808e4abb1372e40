SELECT state, reason, differs, submission, request, received_at, body FROM callback WHERE id = ?1
