SELECT
    s.hub, s.epoch, s.sku, s.unit, COALESCE(told.on_hand, s.on_hand), COALESCE(told.reserved, s.reserved),
    COALESCE(told.in_transit, s.in_transit), COALESCE(told.quarantined, s.quarantined),
    COALESCE(told.damaged, s.damaged), told.told_at_ms
FROM stock s
LEFT JOIN told_position told
    ON told.hub = s.hub AND told.epoch = s.epoch AND told.sku = s.sku AND told.unit = s.unit
WHERE s.sku = $1 AND (s.hub, s.unit) > ($2, $3)
    AND s.epoch = (SELECT MAX(c.epoch) FROM hub_cursor c WHERE c.hub = s.hub)
ORDER BY s.hub, s.unit
LIMIT $4
