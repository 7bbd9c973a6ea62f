INSERT INTO hub_stream (
    hub, epoch, stream, first_kept, last, heard_at_ms
) VALUES (
    $1, $2, $3, $4, $5, $6
)
ON CONFLICT (hub, epoch, stream) DO UPDATE SET
    -- A hello that arrives late takes nothing back.
    first_kept = MAX(hub_stream.first_kept, excluded.first_kept),
    last = MAX(hub_stream.last, excluded.last),
    heard_at_ms = excluded.heard_at_ms
