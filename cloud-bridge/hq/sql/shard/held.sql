SELECT 1
FROM shard
WHERE id = $1 AND owner = $2 AND fence = $3
