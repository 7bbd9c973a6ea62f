SELECT sales, discount, net, owed, voids, voided
FROM day
WHERE hub = $1 AND business_day = $2 AND currency = $3
