-- The rest of one millisecond. A comparison of (created_at, id) as one value would not use the key at the end of the index
-- (SQLite 3.40), and so read all requests of that millisecond again for each step.
SELECT created_at, id FROM request
WHERE class = ?1 AND created_at = ?2 AND id < ?3
ORDER BY id DESC LIMIT ?4;
