SELECT 0, position FROM event ORDER BY position DESC LIMIT 1
