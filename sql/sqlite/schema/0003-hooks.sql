-- Schema 3: hooks as a delivery system. What an attempt cost, hooks that were paused by hand, and deliveries that are run again
-- by hand.

-- Of the program and what it waited for; NULL: not known.
ALTER TABLE attempt ADD COLUMN cpu_ms INTEGER;
ALTER TABLE attempt ADD COLUMN memory_bytes INTEGER; -- most at a time

-- Nothing of it starts until it is resumed.
ALTER TABLE hook ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;

-- When it was last run again by hand: its age counts from then.
ALTER TABLE delivery ADD COLUMN renewed_at INTEGER;

-- Dead ones by the time of their death, so that those of an event or a time are found without looking at others.
CREATE INDEX delivery_dead ON delivery (hook, event, finished_at) WHERE state = 4;
