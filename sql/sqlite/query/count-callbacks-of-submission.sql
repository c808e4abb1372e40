-- A first look that needs the index only.
SELECT count(*) FROM (SELECT 1 FROM callback INDEXED BY callback_by_submission
                      WHERE submission = ?1 AND state <> 0 LIMIT ?2)
