SELECT s.hub, COALESCE(c.up_to, 0), c.occurred_at_ms, c.received_at_ms, s.last, s.heard_at_ms
FROM hub_stream s
LEFT JOIN hub_cursor c ON c.hub = s.hub AND c.epoch = s.epoch AND c.stream = s.stream
WHERE s.hub >= $1 AND s.hub <= $2 AND s.stream IN ('sales', 'stock')
    AND s.epoch = (SELECT MAX(o.epoch) FROM hub_cursor o WHERE o.hub = s.hub)
