-- Schema 2: the client of Pronto. Polling and expiry, batches that are sent in parts, what a day's submissions cost, and answers
-- from the store.

-- Most contacts of the submission's next call; 0: all that are queued. Halved when a batch is refused, so that the contact that
-- Pronto refuses fails alone. 1 once a single contact was sent: Pronto was told its token, and nobody joins it any more.
ALTER TABLE submission ADD COLUMN part INTEGER NOT NULL DEFAULT 0;
UPDATE submission SET part = 1 WHERE state IN (0, 1) AND bulk = 0 AND id IN (SELECT submission FROM call);
-- Which requests of its submission a call has: those with a key in this range that were queued then.
ALTER TABLE call ADD COLUMN first_request INTEGER NOT NULL DEFAULT 0;
ALTER TABLE call ADD COLUMN last_request INTEGER NOT NULL DEFAULT 9223372036854775807;
-- How many those were, and what each of them reserved for this call: it is released when Pronto does not take it.
ALTER TABLE call ADD COLUMN contacts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE call ADD COLUMN price INTEGER NOT NULL DEFAULT 0;

-- Each type has its turn of its own: it may wait for the next day's credits while others go on.
DROP INDEX submission_due;
CREATE INDEX submission_due ON submission (enrichment_type, next_at) WHERE state = 0;
-- Submissions of one contact that were never sent: they may be sent together ([pronto] batch).
CREATE INDEX submission_lone ON submission (enrichment_type, id)
  WHERE state = 0 AND bulk = 0 AND part = 0 AND tries = 0 AND unanswered = 0;

-- When Pronto is asked for a pending request, or, when asking is no use, when it expires. credits: what its calls may have cost,
-- reserved on credit_day (days since the epoch) until its end is known.
ALTER TABLE request ADD COLUMN poll_at INTEGER;
ALTER TABLE request ADD COLUMN credits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE request ADD COLUMN credit_day INTEGER NOT NULL DEFAULT 0;

-- The order of request.poll_at. A row whose request is no longer pending, or has another poll_at, is stale, and goes when its time
-- comes: so a callback need not touch this table.
CREATE TABLE poll (
  due_at INTEGER NOT NULL,
  request INTEGER NOT NULL,
  PRIMARY KEY (due_at, request)
) STRICT, WITHOUT ROWID;
UPDATE request SET poll_at = coalesce(submitted_at, created_at) + 600000 WHERE class IN (3, 4, 5);
INSERT INTO poll (due_at, request) SELECT poll_at, id FROM request WHERE class IN (3, 4, 5);

-- Requests that Pronto is being asked for: after a crash they are asked for again at once.
CREATE TABLE asked (
  request INTEGER PRIMARY KEY REFERENCES request (id) ON DELETE CASCADE
) STRICT;

-- What Pronto answered when it was asked; NULL when a callback brought the result.
ALTER TABLE result ADD COLUMN raw TEXT;

-- Idempotency keys name requests, since a submission may get those of others: keys of one array follow each other, but for
-- those that were erased.
ALTER TABLE idempotency RENAME TO idempotency_1;
CREATE TABLE idempotency (
  key_digest BLOB PRIMARY KEY,
  body_digest BLOB NOT NULL,
  first_request INTEGER NOT NULL,
  n INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO idempotency (key_digest, body_digest, first_request, n, created_at)
  SELECT key_digest, body_digest, min(request.id), max(request.id) - min(request.id) + 1, idempotency_1.created_at
  FROM idempotency_1 JOIN request ON request.submission = idempotency_1.submission GROUP BY key_digest;
DROP TABLE idempotency_1;
CREATE INDEX idempotency_by_request ON idempotency (first_request);

-- What the submissions of a day (since the epoch, UTC) may still cost, and what their results cost.
CREATE TABLE credit_day (
  day INTEGER PRIMARY KEY,
  reserved INTEGER NOT NULL,
  spent INTEGER NOT NULL
) STRICT;

-- Who was asked for, as keyed digests of person and type, for [pronto] reuse.
CREATE TABLE person (
  digest BLOB NOT NULL,
  request INTEGER NOT NULL REFERENCES request (id) ON DELETE CASCADE,
  PRIMARY KEY (digest, request)
) STRICT, WITHOUT ROWID;
CREATE INDEX person_by_request ON person (request);
