INSERT INTO coupon_use (class, code, at_ms, hub, epoch, sale, change, customer)
SELECT * FROM unnest(
    $1::TEXT[], $2::TEXT[], $3::BIGINT[], $4::TEXT[], $5::BIGINT[], $6::TEXT[], $7::BIGINT[], $8::TEXT[]
)
ON CONFLICT (class, code, at_ms, hub, sale) DO NOTHING
