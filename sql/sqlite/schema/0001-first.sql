-- Schema 1. Shaped so that a callback appends and touches one narrow row by integer key: what grows stays out of rows that are
-- updated, keys are our own and grow with time, no index with random order is written on the callback path. Times are
-- milliseconds since the epoch; numbers of states and kinds are those of daemon/model/words.h. Applied in one transaction
-- together with user_version; never edited once released.

-- One row. database_number goes into the identifiers that are shown outside, secret keys the digests of erased persons.
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  database_number INTEGER NOT NULL,
  secret BLOB NOT NULL CHECK (length(secret) = 32),
  created_at INTEGER NOT NULL
) STRICT;

-- One call to Pronto, or a registration (state 3) that other software made.
-- state: 0 waiting (due at next_at), 1 in a call, 2 answered, 3 registered, 4 refused
CREATE TABLE submission (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  state INTEGER NOT NULL,
  enrichment_type INTEGER NOT NULL,
  bulk INTEGER NOT NULL,           -- more than one contact, or had
  tries INTEGER NOT NULL DEFAULT 0,
  unanswered INTEGER NOT NULL DEFAULT 0, -- calls of it that may have reached Pronto and were never answered
  next_at INTEGER,
  token BLOB,                      -- 32 bytes; NULL when registered
  token_digest BLOB                -- 16 bytes; looked up instead of the token, so that the time tells nothing of it
) STRICT;
CREATE UNIQUE INDEX submission_by_token ON submission (token_digest) WHERE token_digest IS NOT NULL;
CREATE INDEX submission_due ON submission (next_at) WHERE state = 0;
CREATE INDEX submission_in_call ON submission (id) WHERE state = 1;

-- Each time a submission was sent: on disk before it is sent.
-- outcome: NULL while under way, else enum submission_outcome
CREATE TABLE call (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  submission INTEGER NOT NULL REFERENCES submission (id) ON DELETE CASCADE,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  outcome INTEGER,
  enrichment_id TEXT,
  error TEXT
) STRICT;
CREATE INDEX call_by_submission ON call (submission);

-- The narrow row of a request, updated by its callback. class = state * 3 + enrichment_type serves lists of any state and
-- type with one index.
CREATE TABLE request (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  class INTEGER NOT NULL,
  submission INTEGER NOT NULL REFERENCES submission (id),
  created_at INTEGER NOT NULL,
  submitted_at INTEGER,
  finished_at INTEGER,
  source INTEGER NOT NULL DEFAULT 0,
  callback INTEGER,                -- the one that finished it
  enrichment_id TEXT,
  error TEXT,
  custom_digest BLOB NOT NULL
) STRICT;
CREATE INDEX request_by_class ON request (class, created_at);
CREATE INDEX request_by_submission ON request (submission);
CREATE INDEX request_by_enrichment_id ON request (enrichment_id) WHERE enrichment_id IS NOT NULL;

-- What the client gave: written once. {"firstname": ..., "custom": ...}
CREATE TABLE content (
  request INTEGER PRIMARY KEY REFERENCES request (id) ON DELETE CASCADE,
  json TEXT NOT NULL
) STRICT;

-- Scalar members of custom by a hash of key and value; the content decides.
CREATE TABLE custom_member (
  hash INTEGER NOT NULL,
  request INTEGER NOT NULL REFERENCES request (id) ON DELETE CASCADE,
  PRIMARY KEY (hash, request)
) STRICT, WITHOUT ROWID;
CREATE INDEX custom_member_by_request ON custom_member (request);

-- Idempotency keys of local clients.
CREATE TABLE idempotency (
  key_digest BLOB PRIMARY KEY,
  body_digest BLOB NOT NULL,
  submission INTEGER NOT NULL REFERENCES submission (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_submission ON idempotency (submission);

-- Callbacks as received, only appended; state changes when an unmatched one finds its request.
CREATE TABLE callback (
  id INTEGER PRIMARY KEY,
  state INTEGER NOT NULL,
  reason INTEGER NOT NULL,
  differs INTEGER NOT NULL DEFAULT 0,
  submission INTEGER,              -- whose token; on a shared secret that of all candidates, or NULL
  request INTEGER,
  received_at INTEGER NOT NULL,
  enrichment_id TEXT,
  client TEXT,
  headers TEXT,
  body BLOB NOT NULL
) STRICT;
CREATE INDEX callback_by_state ON callback (state);
-- The matched one is found through its request, so the common case writes neither of these.
CREATE INDEX callback_beside_request ON callback (request) WHERE request IS NOT NULL AND state <> 0;
CREATE INDEX callback_by_submission ON callback (submission) WHERE submission IS NOT NULL AND state <> 0;
CREATE INDEX callback_waiting ON callback (enrichment_id) WHERE state = 2;

-- Results in normal form, with the digest that tells whether a second one differs.
CREATE TABLE result (
  request INTEGER PRIMARY KEY REFERENCES request (id) ON DELETE CASCADE,
  received_at INTEGER NOT NULL,
  digest BLOB NOT NULL,
  json TEXT NOT NULL
) STRICT;

-- Hooks by name; a row stays when its section goes, for its deliveries.
CREATE TABLE hook (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  last_success_at INTEGER,
  last_failure_at INTEGER
) STRICT;

-- next_at NULL while queued: an earlier delivery of the same hook and request is not finished.
CREATE TABLE delivery (
  id INTEGER PRIMARY KEY,
  hook INTEGER NOT NULL REFERENCES hook (id),
  state INTEGER NOT NULL,
  event INTEGER NOT NULL,
  request INTEGER,                 -- NULL: event unmatched, or its request is unknown
  callback INTEGER,                -- event unmatched: which
  dead INTEGER,                    -- event dead: which delivery died
  attempts INTEGER NOT NULL DEFAULT 0,      -- used up
  interruptions INTEGER NOT NULL DEFAULT 0, -- in a row
  created_at INTEGER NOT NULL,
  next_at INTEGER,
  finished_at INTEGER
) STRICT;
CREATE INDEX delivery_by_class ON delivery (hook, state);
CREATE INDEX delivery_due ON delivery (hook, next_at) WHERE state IN (0, 2) AND next_at IS NOT NULL;
CREATE INDEX delivery_by_request ON delivery (request) WHERE request IS NOT NULL;
CREATE INDEX delivery_of_callback ON delivery (callback) WHERE callback IS NOT NULL;
CREATE INDEX delivery_of_dead ON delivery (dead) WHERE dead IS NOT NULL;

CREATE TABLE attempt (
  delivery INTEGER NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,         -- counts every run, also interrupted ones
  started_at INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  exit_code INTEGER,
  signal INTEGER,
  timed_out INTEGER NOT NULL,
  interrupted INTEGER NOT NULL,
  error TEXT,
  output BLOB,
  PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;

-- What happened, for GET /v1/events; the newest are kept. name: see event names in the store.
CREATE TABLE event (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  name INTEGER NOT NULL,
  request INTEGER,
  delivery INTEGER,
  callback INTEGER
) STRICT;

-- Erased persons, as digests keyed with meta.secret: a late callback does not bring them back.
CREATE TABLE tombstone (
  digest BLOB PRIMARY KEY,
  erased_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Counts, kept by the writer in the same transaction as what they count, so that status never counts rows.
CREATE TABLE counter (
  kind INTEGER NOT NULL,
  a INTEGER NOT NULL,
  b INTEGER NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (kind, a, b)
) STRICT, WITHOUT ROWID;
