SELECT sku, unit, sales_version, stock_version
FROM told_position
WHERE hub = $1 AND epoch = $2
