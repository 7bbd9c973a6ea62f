SELECT s.hub, s.epoch, s.sku, s.unit, s.on_hand, s.reserved, s.in_transit, s.quarantined, s.damaged
FROM stock s
WHERE s.sku = $1 AND (s.hub, s.unit) > ($2, $3)
    AND s.epoch = (SELECT MAX(c.epoch) FROM hub_cursor c WHERE c.hub = s.hub)
ORDER BY s.hub, s.unit
LIMIT $4
