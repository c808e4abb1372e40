SELECT enrichment_id FROM call WHERE submission = ?1 AND enrichment_id IS NOT NULL
