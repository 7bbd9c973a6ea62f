INSERT INTO stock (
    hub, epoch, sku, unit, on_hand, reserved, in_transit, quarantined, damaged
)
SELECT * FROM unnest(
    $1::TEXT[], $2::BIGINT[], $3::TEXT[], $4::TEXT[], $5::BIGINT[], $6::BIGINT[], $7::BIGINT[], $8::BIGINT[],
    $9::BIGINT[]
)
ON CONFLICT (hub, epoch, sku, unit) DO UPDATE SET
    on_hand = excluded.on_hand,
    reserved = excluded.reserved,
    in_transit = excluded.in_transit,
    quarantined = excluded.quarantined,
    damaged = excluded.damaged
