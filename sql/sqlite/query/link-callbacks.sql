-- Callbacks of a submission that ends: those that are about none of its requests, or not surely.
UPDATE callback SET request = ?2 WHERE id IN (
  SELECT id FROM callback INDEXED BY callback_by_submission
  WHERE submission = ?1 AND state <> 0 AND request IS NULL)
