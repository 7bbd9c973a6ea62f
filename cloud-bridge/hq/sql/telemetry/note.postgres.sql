INSERT INTO telemetry (
    hub, epoch, at_ms, received_at_ms, dropped, sample
)
SELECT * FROM unnest(
    $1::TEXT[], $2::BIGINT[], $3::BIGINT[], $4::BIGINT[], $5::BIGINT[], $6::TEXT[]
)
ON CONFLICT (hub) DO UPDATE SET
    epoch = excluded.epoch,
    at_ms = excluded.at_ms,
    received_at_ms = excluded.received_at_ms,
    dropped = excluded.dropped,
    sample = excluded.sample
