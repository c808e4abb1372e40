SELECT state, enrichment_type, bulk, tries, unanswered, token FROM submission WHERE id = ?1
