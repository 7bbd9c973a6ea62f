SELECT
    s.hub, s.epoch, s.sku, s.unit, COALESCE(told.on_hand, s.on_hand), COALESCE(told.reserved, s.reserved),
    COALESCE(told.in_transit, s.in_transit), COALESCE(told.quarantined, s.quarantined),
    COALESCE(told.damaged, s.damaged), told.told_at_ms
FROM stock s
LEFT JOIN told_position told
    ON told.hub = s.hub AND told.epoch = s.epoch AND told.sku = s.sku AND told.unit = s.unit
WHERE s.hub = $1 AND s.epoch = (SELECT MAX(c.epoch) FROM hub_cursor c WHERE c.hub = s.hub)
    AND (s.sku = $2 OR $2 = '') AND (s.sku, s.unit) > ($3, $4)
ORDER BY s.sku, s.unit
LIMIT $5
