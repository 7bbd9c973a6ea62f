INSERT INTO shift_result (
    hub, business_day, currency, shift, till, closed_at_ms, sales, expected, counted, difference
)
SELECT * FROM unnest(
    $1::TEXT[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::TEXT[], $6::BIGINT[], $7::BIGINT[],
    $8::BIGINT[], $9::BIGINT[], $10::BIGINT[]
)
ON CONFLICT (hub, business_day, currency, shift) DO NOTHING
