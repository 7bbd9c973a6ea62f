INSERT INTO store_day (
    hub, epoch, number, business_day, closed_at_ms, shifts, uncounted, expected, counted, difference
)
SELECT * FROM unnest(
    $1::TEXT[], $2::BIGINT[], $3::BIGINT[], $4::TEXT[], $5::BIGINT[], $6::BIGINT[], $7::BIGINT[],
    $8::BIGINT[], $9::BIGINT[], $10::BIGINT[]
)
ON CONFLICT (hub, epoch, number) DO NOTHING
