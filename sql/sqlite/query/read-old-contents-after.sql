-- Of requests that are older than the index of linkedin_url.
SELECT request, json FROM content
WHERE request > ?1 AND request <= (SELECT last_unindexed FROM meta WHERE id = 1) ORDER BY request LIMIT ?2;
