INSERT INTO day (
    hub, business_day, currency, sales, lines, regular, discount, net, manufacturer_coupon, owed, voids,
    voided
)
SELECT * FROM unnest(
    $1::TEXT[], $2::TEXT[], $3::TEXT[], $4::BIGINT[], $5::BIGINT[], $6::BIGINT[], $7::BIGINT[], $8::BIGINT[],
    $9::BIGINT[], $10::BIGINT[], $11::BIGINT[], $12::BIGINT[]
)
ON CONFLICT (hub, business_day, currency) DO UPDATE SET
    sales = excluded.sales,
    lines = excluded.lines,
    regular = excluded.regular,
    discount = excluded.discount,
    net = excluded.net,
    manufacturer_coupon = excluded.manufacturer_coupon,
    owed = excluded.owed,
    voids = excluded.voids,
    voided = excluded.voided
