SELECT request FROM asked LIMIT 1
