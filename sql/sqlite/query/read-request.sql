SELECT
  request.class, request.submission, request.created_at, request.submitted_at, request.finished_at, request.source,
  request.enrichment_id, request.error, submission.state, submission.tries, submission.unanswered, submission.next_at,
  content.json, result.json, callback.body, request.poll_at
FROM request
JOIN submission ON submission.id = request.submission
LEFT JOIN content ON content.request = request.id
LEFT JOIN result ON result.request = request.id
LEFT JOIN callback ON callback.id = request.callback AND request.source = 1 AND result.request IS NULL
WHERE request.id = ?1;
