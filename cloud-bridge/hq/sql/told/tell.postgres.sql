INSERT INTO told_position (
    hub, epoch, sku, unit, sales_version, stock_version, told_at_ms, on_hand, reserved, in_transit, quarantined, damaged
)
SELECT * FROM unnest(
    $1::TEXT[], $2::BIGINT[], $3::TEXT[], $4::TEXT[], $5::BIGINT[], $6::BIGINT[], $7::BIGINT[], $8::BIGINT[],
    $9::BIGINT[], $10::BIGINT[], $11::BIGINT[], $12::BIGINT[]
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
