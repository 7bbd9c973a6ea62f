UPDATE shard
SET owner = $1, lease_until_ms = $2, fence = $3
WHERE id = $4
