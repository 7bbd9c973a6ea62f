SELECT id, owner, lease_until_ms, fence
FROM shard
ORDER BY id
