-- Submissions of one contact that no call was made for: their tokens are known to nobody.
SELECT id FROM submission INDEXED BY submission_lone
WHERE state = 0 AND bulk = 0 AND tries = 0 AND unanswered = 0 AND enrichment_type = ?1 AND id <> ?2
  AND NOT EXISTS (SELECT 1 FROM call WHERE call.submission = submission.id)
ORDER BY id LIMIT ?3
