-- All but identical duplicates and rejected ones, which have bounds of their own.
SELECT count(*) FROM callback INDEXED BY callback_by_submission
WHERE submission = ?1 AND state <> 0 AND (state IN (2, 3, 4) OR differs = 1)
