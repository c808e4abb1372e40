-- Schema 4: retention.

-- Tombstones go when they are old, the oldest first; how many there are is counted.
CREATE INDEX tombstone_by_age ON tombstone (erased_at);
INSERT INTO counter (kind, a, b, n) SELECT 5, 0, 0, count(*) FROM tombstone;

-- Callbacks that belong to no request. The common case, one that is matched at once, does not write it.
CREATE INDEX callback_unclaimed ON callback (id) WHERE request IS NULL AND state <> 0;
