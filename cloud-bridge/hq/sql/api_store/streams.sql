SELECT c.hub, c.stream, c.up_to, c.occurred_at_ms, c.received_at_ms, s.last
FROM hub h
JOIN hub_cursor c ON c.hub = h.hub AND c.epoch = h.epoch
LEFT JOIN hub_stream s ON s.hub = c.hub AND s.epoch = c.epoch AND s.stream = c.stream
WHERE h.hub > $1 AND h.hub >= $2 AND h.hub <= $3
ORDER BY c.hub, c.stream
