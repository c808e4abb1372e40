-- Writes a page without changing anything, to see whether a commit succeeds.
UPDATE meta SET created_at = created_at WHERE id = 1
