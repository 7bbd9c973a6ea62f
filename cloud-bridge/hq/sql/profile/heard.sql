SELECT h.hub, COALESCE(p.heard_at_ms, h.heard_at_ms)
FROM hub h
LEFT JOIN presence p ON p.hub = h.hub
