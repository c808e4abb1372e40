-- The tables know better when something else wrote to them. Submissions may be gone whose tokens are still on their way.
SELECT (SELECT max(id) FROM callback), (SELECT max(id) FROM delivery), (SELECT max(id) FROM event),
  (SELECT seq FROM sqlite_sequence WHERE name = 'submission')
