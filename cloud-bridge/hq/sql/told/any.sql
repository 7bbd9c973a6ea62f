SELECT sku
FROM told_position
WHERE hub = $1 AND epoch = $2
LIMIT 1
