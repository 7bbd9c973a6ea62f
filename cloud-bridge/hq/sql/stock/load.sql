SELECT hub, epoch, sku, unit, on_hand, reserved, in_transit, quarantined, damaged
FROM stock
WHERE hub = $1 AND epoch = $2 AND sku = $3 AND unit = $4
