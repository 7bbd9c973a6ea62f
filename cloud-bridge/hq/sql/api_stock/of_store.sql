SELECT s.hub, s.epoch, s.sku, s.unit, s.on_hand, s.reserved, s.in_transit, s.quarantined, s.damaged
FROM stock s
WHERE s.hub = $1 AND s.epoch = (SELECT MAX(c.epoch) FROM hub_cursor c WHERE c.hub = s.hub)
    AND (s.sku = $2 OR $2 = '') AND (s.sku, s.unit) > ($3, $4)
ORDER BY s.sku, s.unit
LIMIT $5
