SELECT first_request, n FROM idempotency WHERE key_digest = ?1;
