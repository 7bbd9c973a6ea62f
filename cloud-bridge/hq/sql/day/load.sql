SELECT hub, business_day, currency, sales, lines, regular, discount, net, manufacturer_coupon, owed, voids, voided
FROM day
WHERE hub = $1 AND business_day = $2 AND currency = $3
