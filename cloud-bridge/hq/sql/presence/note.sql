INSERT INTO presence (
    hub, connection, is_online, since_ms, heard_at_ms
) VALUES (
    $1, $2, $3, $4, $5
)
ON CONFLICT (hub) DO UPDATE SET
    connection = excluded.connection,
    is_online = excluded.is_online,
    since_ms = excluded.since_ms,
    heard_at_ms = excluded.heard_at_ms
