SELECT at_ms, hub, sale, change, customer
FROM coupon_use
WHERE class = $1 AND code = $2
ORDER BY at_ms DESC, hub, sale
LIMIT $3
