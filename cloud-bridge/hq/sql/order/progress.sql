SELECT part, hub, epoch, kind, body
FROM order_progress
WHERE order_id = $1
ORDER BY part, epoch, sequence
