-- Of the calls that Pronto certainly did not take (again, auth, credits) only the newest is kept: a
-- callback looks at the calls of its submission.
DELETE FROM call WHERE submission = ?1 AND id < ?2 AND outcome IN (2, 4, 5)
