INSERT INTO coupon_use (class, code, at_ms, hub, sale, change, customer)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (class, code, at_ms, hub, sale) DO NOTHING
