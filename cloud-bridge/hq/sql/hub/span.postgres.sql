INSERT INTO hub_stream (
    hub, epoch, stream, first_kept, last, heard_at_ms
)
SELECT * FROM unnest(
    $1::TEXT[], $2::BIGINT[], $3::TEXT[], $4::BIGINT[], $5::BIGINT[], $6::BIGINT[]
)
ON CONFLICT (hub, epoch, stream) DO UPDATE SET
    -- A hello that arrives late takes nothing back.
    first_kept = GREATEST(hub_stream.first_kept, excluded.first_kept),
    last = GREATEST(hub_stream.last, excluded.last),
    heard_at_ms = excluded.heard_at_ms
