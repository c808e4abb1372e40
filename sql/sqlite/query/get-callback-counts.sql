SELECT state, differs, length(body), request, enrichment_id FROM callback WHERE id = ?1
