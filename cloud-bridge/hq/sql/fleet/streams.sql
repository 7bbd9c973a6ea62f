SELECT s.stream, c.up_to, c.occurred_at_ms, c.received_at_ms, c.replayed_to, s.first_kept, s.last
FROM hub_stream s
LEFT JOIN hub_cursor c ON c.hub = s.hub AND c.epoch = s.epoch AND c.stream = s.stream
WHERE s.hub = $1 AND s.epoch = $2
ORDER BY s.stream
