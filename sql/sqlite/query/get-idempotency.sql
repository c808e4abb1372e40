SELECT body_digest, submission FROM idempotency WHERE key_digest = ?1
