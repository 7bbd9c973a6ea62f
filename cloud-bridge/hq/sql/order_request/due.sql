SELECT r.request
FROM order_request r
WHERE r.try_at_ms <= $1 AND r.request = (SELECT MIN(first.request) FROM order_request first WHERE first.hub = r.hub)
ORDER BY r.request
LIMIT $2
