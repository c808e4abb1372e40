SELECT state, reason, differs, request, received_at, enrichment_id, client, headers, body FROM callback WHERE id = ?1;
