INSERT INTO hub (
    hub, epoch, software, stopped, heard_at_ms
)
SELECT * FROM unnest(
    $1::TEXT[], $2::BIGINT[], $3::TEXT[], $4::TEXT[], $5::BIGINT[]
)
ON CONFLICT (hub) DO UPDATE SET
    epoch = excluded.epoch, software = excluded.software, stopped = excluded.stopped, heard_at_ms = excluded.heard_at_ms
WHERE excluded.epoch >= hub.epoch
