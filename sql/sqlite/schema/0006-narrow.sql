-- Schema 6: what a callback writes becomes less.

-- A callback that ends its request has the result in its body: it is made from it when it is read. The table result keeps those that
-- came otherwise, and older ones.

-- Nearly all callbacks are matched: who looks for these looks at all.
DROP INDEX callback_by_state;
CREATE INDEX callback_by_state ON callback (state) WHERE state <> 0;

-- Tokens made from now on are sealed with meta.secret and carry the key of their submission: they need no index, whose order would
-- be random. So the key is given before the row is written.
INSERT INTO counter (kind, a, b, n) VALUES (6, 5, 0, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'submission'), 0));
