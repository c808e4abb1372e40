SELECT state, enrichment_type, bulk, tries, unanswered, token, part FROM submission WHERE id = ?1
