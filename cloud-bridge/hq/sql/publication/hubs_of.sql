SELECT DISTINCT hub
FROM publication_target
WHERE kind = $1 AND hub > $2
ORDER BY hub
LIMIT $3
