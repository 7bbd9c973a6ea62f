SELECT t.sender, t.transfer, t.sku, t.unit, t.hub, t.epoch, t.movement, t.place, t.kind, t.at_ms, t.quantity_milli
FROM transfer_half t
WHERE (t.sender, t.transfer, t.sku, t.unit, t.hub, t.epoch, t.movement, t.place) > ($1, $2, $3, $4, $5, $6, $7, $8)
    AND NOT EXISTS (
        SELECT 1 FROM epoch_start e WHERE e.hub = t.hub AND e.epoch > t.epoch AND e.first_movement <= t.movement
    )
ORDER BY t.sender, t.transfer, t.sku, t.unit, t.hub, t.epoch, t.movement, t.place
LIMIT $9
