INSERT INTO coupon_use (class, code, at_ms, hub, sale, change, customer)
SELECT * FROM unnest(
    $1::TEXT[], $2::TEXT[], $3::BIGINT[], $4::TEXT[], $5::TEXT[], $6::BIGINT[], $7::TEXT[]
)
ON CONFLICT (class, code, at_ms, hub, sale) DO NOTHING
