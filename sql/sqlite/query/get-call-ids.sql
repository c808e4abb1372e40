SELECT enrichment_id, first_request, last_request FROM call WHERE submission = ?1 AND enrichment_id IS NOT NULL
