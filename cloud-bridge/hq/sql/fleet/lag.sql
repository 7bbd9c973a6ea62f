SELECT
    s.stream,
    CAST(SUM(CASE WHEN s.last > COALESCE(c.up_to, 0) THEN s.last - COALESCE(c.up_to, 0) ELSE 0 END) AS BIGINT)
FROM hub h
JOIN hub_stream s ON s.hub = h.hub AND s.epoch = h.epoch
LEFT JOIN hub_cursor c ON c.hub = s.hub AND c.epoch = s.epoch AND c.stream = s.stream
GROUP BY s.stream
ORDER BY s.stream
