SELECT s.hub, e.body
FROM sale AS s
JOIN event AS e ON e.hub = s.hub AND e.epoch = s.epoch AND e.stream = s.stream AND e.sequence = s.sequence
WHERE s.reference = $1
ORDER BY s.sold_at_ms DESC, s.hub, s.sale
LIMIT $2
