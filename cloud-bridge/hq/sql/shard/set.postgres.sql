UPDATE shard
SET owner = changed.owner, lease_until_ms = changed.lease_until_ms, fence = changed.fence
FROM unnest($1::TEXT[], $2::BIGINT[], $3::BIGINT[], $4::BIGINT[]) AS changed (owner, lease_until_ms, fence, id)
WHERE shard.id = changed.id
