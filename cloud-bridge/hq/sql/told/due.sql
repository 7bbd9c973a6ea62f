SELECT sku, unit, sales_version, stock_version, on_hand, reserved, in_transit, quarantined, damaged
FROM told_position
WHERE hub = $1 AND epoch = $2 AND sales_version <= $3 AND stock_version <= $4
