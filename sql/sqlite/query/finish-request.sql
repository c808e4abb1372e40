-- Leaves enrichment_id alone: naming it would write its index, whose order is random.
-- An early callback comes before the submit call was answered: Pronto had it by then; but it never heard of what was answered from
-- the store (source 4). A fetched result leaves the callback that was its signal.
UPDATE request SET class = ?2, finished_at = ?3, submitted_at = iif(?4 = 4, NULL, coalesce(submitted_at, ?3)), source = ?4,
  callback = coalesce(?5, callback), error = NULL
WHERE id = ?1
