INSERT INTO presence (
    hub, connection, is_online, since_ms, heard_at_ms
)
SELECT * FROM unnest(
    $1::TEXT[], $2::TEXT[], $3::BIGINT[], $4::BIGINT[], $5::BIGINT[]
)
ON CONFLICT (hub) DO UPDATE SET
    connection = excluded.connection,
    is_online = excluded.is_online,
    since_ms = excluded.since_ms,
    heard_at_ms = excluded.heard_at_ms
