SELECT hub, epoch, sku, unit, on_hand, reserved, in_transit, quarantined, damaged
FROM stock
WHERE (hub, epoch, sku, unit) > ($1, $2, $3, $4)
ORDER BY hub, epoch, sku, unit
LIMIT $5
