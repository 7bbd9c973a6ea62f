SELECT s.hub, e.body
FROM unit_event AS u
JOIN sale AS s ON s.hub = u.hub AND s.sale = u.sale
JOIN event AS e ON e.hub = s.hub AND e.epoch = s.epoch AND e.stream = s.stream AND e.sequence = s.sequence
WHERE u.serial = $1 AND u.is_sold = 1
ORDER BY s.sold_at_ms DESC, s.hub, s.sale
LIMIT $2
