SELECT e.body
FROM sale s
JOIN event e ON e.hub = s.hub AND e.epoch = s.epoch AND e.stream = s.stream AND e.sequence = s.sequence
WHERE s.hub = $1
ORDER BY s.business_day DESC, s.epoch DESC, s.sequence DESC
LIMIT $2
