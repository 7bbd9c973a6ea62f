INSERT INTO sale_line (
    hub, business_day, sale, place, number, sku, gtin, on_file, description, quantity_milli, unit, regular,
    net
)
SELECT * FROM unnest(
    $1::TEXT[], $2::TEXT[], $3::TEXT[], $4::BIGINT[], $5::BIGINT[], $6::TEXT[], $7::TEXT[], $8::BIGINT[],
    $9::TEXT[], $10::BIGINT[], $11::TEXT[], $12::BIGINT[], $13::BIGINT[]
)
