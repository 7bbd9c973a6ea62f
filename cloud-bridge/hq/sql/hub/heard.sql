INSERT INTO hub (
    hub, epoch, software, stopped, heard_at_ms
) VALUES (
    $1, $2, $3, $4, $5
)
ON CONFLICT (hub) DO UPDATE SET
    epoch = excluded.epoch, software = excluded.software, stopped = excluded.stopped, heard_at_ms = excluded.heard_at_ms
WHERE excluded.epoch >= hub.epoch
