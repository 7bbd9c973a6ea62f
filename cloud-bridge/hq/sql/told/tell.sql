INSERT INTO told_position (
    hub, epoch, sku, unit, sales_version, stock_version, told_at_ms, on_hand, reserved, in_transit, quarantined, damaged
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
)
ON CONFLICT (hub, epoch, sku, unit) DO UPDATE SET
    sales_version = excluded.sales_version,
    stock_version = excluded.stock_version,
    told_at_ms = excluded.told_at_ms,
    on_hand = excluded.on_hand,
    reserved = excluded.reserved,
    in_transit = excluded.in_transit,
    quarantined = excluded.quarantined,
    damaged = excluded.damaged
