-- Schema 6: what a callback writes becomes less.

-- A callback that ends its request has the result in its body: it is made from it when it is read. The table result keeps those that
-- came otherwise, and older ones.

-- Nearly all callbacks are matched: who looks for these looks at all.
DROP INDEX callback_by_state;
CREATE INDEX callback_by_state ON callback (state) WHERE state <> 0;

-- Tokens made from now on are sealed with meta.secret and carry the key of their submission: they need no index, whose order would
-- be random. So the key is given before the row is written.
INSERT INTO counter (kind, a, b, n) VALUES (6, 5, 0, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'submission'), 0));

-- How many requests of a class (state and type) are among 128 neighbours, by key: the rows of a class are found from block to block.
-- An index with a place for each request would be one more page to write for each callback, two when they come in another order.
CREATE TABLE class_block (
  class INTEGER NOT NULL,
  block INTEGER NOT NULL, -- request.id >> 7
  n INTEGER NOT NULL,
  PRIMARY KEY (class, block)
) STRICT, WITHOUT ROWID;
INSERT INTO class_block (class, block, n) SELECT class, id >> 7, count(*) FROM request GROUP BY class, id >> 7;
DROP INDEX request_by_class;
