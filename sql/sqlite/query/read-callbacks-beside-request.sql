-- Duplicates and interims of a request; the matched one is found through request.callback.
SELECT id FROM callback WHERE request = ?1 AND state <> 0 AND id < ?2 ORDER BY id DESC LIMIT ?3;
