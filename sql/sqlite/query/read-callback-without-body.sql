-- For lists: bodies stand at the end of their rows, so their pages are not read.
SELECT state, reason, differs, request, received_at, enrichment_id, client, headers FROM callback WHERE id = ?1;
