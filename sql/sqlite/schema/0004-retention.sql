-- Schema 4: retention.

-- Tombstones go when they are old, the oldest first; how many there are is counted.
CREATE INDEX tombstone_by_age ON tombstone (erased_at);
INSERT INTO counter (kind, a, b, n) SELECT 5, 0, 0, count(*) FROM tombstone;

-- Requests up to this one were made before linkedin_url was indexed with the members of custom: who is to be forgotten by a
-- linkedin_url is looked for in their contents.
ALTER TABLE meta ADD COLUMN last_unindexed INTEGER NOT NULL DEFAULT 0;
UPDATE meta SET last_unindexed = coalesce((SELECT max(id) FROM request), 0);

-- Who told of the death of a delivery that is about a callback is about it, too: it is found when the dead one was purged.
UPDATE delivery SET callback = (SELECT died.callback FROM delivery AS died WHERE died.id = delivery.dead)
WHERE dead IS NOT NULL AND request IS NULL;

-- Callbacks that belong to no request. The common case, one that is matched at once, does not write it.
CREATE INDEX callback_unclaimed ON callback (id) WHERE request IS NULL AND state <> 0;
