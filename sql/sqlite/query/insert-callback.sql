INSERT INTO callback (id, state, reason, differs, submission, request, received_at, enrichment_id,
                      client, headers, body)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
