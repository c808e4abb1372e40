-- Schema 5: keys of callbacks (2), deliveries (3) and events (4) are counted in counters of kind 6, never used twice. They are
-- written once a transaction, where AUTOINCREMENT would look up and write its table for each row.
INSERT INTO counter (kind, a, b, n) VALUES
  (6, 2, 0, max((SELECT coalesce(max(id), 0) FROM callback),
                coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'callback'), 0))),
  (6, 3, 0, max((SELECT coalesce(max(id), 0) FROM delivery),
                coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'delivery'), 0))),
  (6, 4, 0, max((SELECT coalesce(max(id), 0) FROM event),
                coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0)));
