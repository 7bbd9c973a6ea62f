SELECT hub, connection, is_online, since_ms, heard_at_ms
FROM presence
ORDER BY hub
