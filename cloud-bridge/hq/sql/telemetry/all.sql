SELECT hub, epoch, received_at_ms, dropped, sample
FROM telemetry
ORDER BY hub
