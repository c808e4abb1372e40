-- Submissions of one contact that no call was made for: nobody knows their tokens.
SELECT id FROM submission INDEXED BY submission_lone
WHERE state = 0 AND bulk = 0 AND part = 0 AND tries = 0 AND unanswered = 0 AND enrichment_type = ?1 AND id <> ?2
ORDER BY id LIMIT ?3
