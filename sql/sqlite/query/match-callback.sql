UPDATE callback SET state = ?2, reason = ?3, differs = ?4, submission = ?5, request = ?6 WHERE id = ?1
