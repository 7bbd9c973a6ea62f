SELECT DISTINCT o.order_id
FROM order_part p
JOIN queue q ON q.hub = p.hub AND q.stream = 'orders' AND q.number > p.queue
JOIN placed_order o ON o.number = p.number
WHERE p.is_open = 1
ORDER BY o.order_id
LIMIT $1
