INSERT INTO store_day (
    hub, epoch, number, business_day, closed_at_ms, shifts, uncounted, expected, counted, difference,
    sales, discount, net, owed
)
SELECT * FROM unnest(
    $1::TEXT[], $2::BIGINT[], $3::BIGINT[], $4::TEXT[], $5::BIGINT[], $6::BIGINT[], $7::BIGINT[],
    $8::BIGINT[], $9::BIGINT[], $10::BIGINT[], $11::BIGINT[], $12::BIGINT[], $13::BIGINT[], $14::BIGINT[]
)
ON CONFLICT (hub, epoch, number) DO NOTHING
