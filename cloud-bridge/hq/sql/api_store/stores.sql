SELECT
    hub.hub, hub.epoch, hub.software, hub.stopped, hub.heard_at_ms, presence.is_online, presence.since_ms,
    presence.heard_at_ms, telemetry.received_at_ms, telemetry.sample
FROM hub
LEFT JOIN presence ON presence.hub = hub.hub
LEFT JOIN telemetry ON telemetry.hub = hub.hub
WHERE hub.hub > $1 AND hub.hub >= $2 AND hub.hub <= $3
ORDER BY hub.hub
LIMIT $4
