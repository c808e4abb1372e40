UPDATE submission SET state = ?2, next_at = ?3, tries = tries + ?4, unanswered = unanswered + ?5
WHERE id = ?1
