INSERT INTO transfer_half (
    sender, transfer, sku, unit, hub, epoch, movement, place, kind, at_ms, quantity_milli
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
)
ON CONFLICT (sender, transfer, sku, unit, hub, epoch, movement, place) DO NOTHING
