SELECT CAST(COALESCE(SUM(change), 0) AS BIGINT)
FROM coupon_use
WHERE class = $1 AND customer = $2 AND hub <> $3
