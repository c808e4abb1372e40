SELECT custom_member.request, content.json FROM custom_member JOIN content ON content.request = custom_member.request
WHERE custom_member.hash = ?1 AND custom_member.request > ?2 ORDER BY custom_member.request LIMIT ?3;
