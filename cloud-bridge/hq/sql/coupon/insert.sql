INSERT INTO coupon_use (class, code, at_ms, hub, epoch, sale, change, customer)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (class, code, at_ms, hub, sale) DO NOTHING
