INSERT INTO stock (
    hub, epoch, sku, unit, on_hand, reserved, in_transit, quarantined, damaged
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9
)
ON CONFLICT (hub, epoch, sku, unit) DO UPDATE SET
    on_hand = excluded.on_hand,
    reserved = excluded.reserved,
    in_transit = excluded.in_transit,
    quarantined = excluded.quarantined,
    damaged = excluded.damaged
