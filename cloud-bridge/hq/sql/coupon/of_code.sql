SELECT CAST(COALESCE(SUM(change), 0) AS BIGINT)
FROM coupon_use
WHERE class = $1 AND code = $2 AND NOT (hub = $3 AND epoch = $4)
