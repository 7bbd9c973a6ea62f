INSERT INTO unit_event (
    sku, serial, at_ms, hub, sale, number, is_sold, customer, starts, months, ends
)
SELECT * FROM unnest(
    $1::TEXT[], $2::TEXT[], $3::BIGINT[], $4::TEXT[], $5::TEXT[], $6::BIGINT[], $7::BIGINT[], $8::TEXT[],
    $9::TEXT[], $10::BIGINT[], $11::TEXT[]
)
ON CONFLICT (sku, serial, at_ms, hub, sale, number) DO NOTHING
