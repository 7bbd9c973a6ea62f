INSERT INTO transfer_half (
    sender, transfer, sku, unit, hub, epoch, movement, place, kind, at_ms, quantity_milli
)
SELECT * FROM unnest(
    $1::TEXT[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::TEXT[], $6::BIGINT[], $7::BIGINT[], $8::BIGINT[],
    $9::TEXT[], $10::BIGINT[], $11::BIGINT[]
)
ON CONFLICT (sender, transfer, sku, unit, hub, epoch, movement, place) DO NOTHING
