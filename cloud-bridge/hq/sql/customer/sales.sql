SELECT s.hub, e.body
FROM sale s
JOIN event e ON e.hub = s.hub AND e.epoch = s.epoch AND e.stream = s.stream AND e.sequence = s.sequence
WHERE s.customer = $1
ORDER BY s.sold_at_ms DESC, s.hub DESC, s.sale DESC
LIMIT $2
