SELECT s.hub, e.body
FROM sale_card AS c
JOIN sale AS s ON s.hub = c.hub AND s.sale = c.sale
JOIN event AS e ON e.hub = s.hub AND e.epoch = s.epoch AND e.stream = s.stream AND e.sequence = s.sequence
WHERE c.card = $1
ORDER BY s.sold_at_ms DESC, s.hub, s.sale
LIMIT $2
