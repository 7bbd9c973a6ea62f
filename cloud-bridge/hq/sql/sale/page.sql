SELECT s.hub, s.sale, s.epoch, s.sequence, e.body
FROM sale s
JOIN event e ON e.hub = s.hub AND e.epoch = s.epoch AND e.stream = s.stream AND e.sequence = s.sequence
WHERE (s.hub, s.sale) > ($1, $2)
ORDER BY s.hub, s.sale
LIMIT $3
