SELECT hub, business_day, currency, sales, lines, regular, discount, net, manufacturer_coupon, owed, voids, voided
FROM day
WHERE (hub, business_day, currency) > ($1, $2, $3)
ORDER BY hub, business_day, currency
LIMIT $4
