-- The digest of what was asked for, else the callback that brought it.
SELECT result.digest, callback.body
FROM request LEFT JOIN result ON result.request = request.id LEFT JOIN callback ON callback.id = request.callback
WHERE request.id = ?1
