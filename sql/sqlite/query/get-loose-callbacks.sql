-- Those of a submission that were found to be about no request of it, one after the other.
SELECT id FROM callback INDEXED BY callback_by_submission
WHERE submission = ?1 AND state <> 0 AND request IS NULL AND id > ?2 ORDER BY id LIMIT 1
