SELECT e.body
FROM sale s
JOIN event e ON e.hub = s.hub AND e.epoch = s.epoch AND e.stream = s.stream AND e.sequence = s.sequence
WHERE s.hub = $1 AND s.reference = $2
ORDER BY e.epoch, e.sequence
