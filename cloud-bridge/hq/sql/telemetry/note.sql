INSERT INTO telemetry (
    hub, epoch, at_ms, received_at_ms, dropped, sample
) VALUES (
    $1, $2, $3, $4, $5, $6
)
ON CONFLICT (hub) DO UPDATE SET
    epoch = excluded.epoch,
    at_ms = excluded.at_ms,
    received_at_ms = excluded.received_at_ms,
    dropped = excluded.dropped,
    sample = excluded.sample
