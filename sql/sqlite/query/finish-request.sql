-- Leaves enrichment_id alone: naming it would write its index, whose order is random.
UPDATE request SET class = ?2, finished_at = ?3, source = ?4, callback = ?5, error = NULL WHERE id = ?1
