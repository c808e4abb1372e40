SELECT submission, outcome IS NOT NULL FROM call WHERE id = ?1
