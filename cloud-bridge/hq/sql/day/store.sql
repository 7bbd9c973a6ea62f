INSERT INTO day (
    hub, business_day, currency, sales, lines, regular, discount, net, manufacturer_coupon, owed, voids,
    voided
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
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
