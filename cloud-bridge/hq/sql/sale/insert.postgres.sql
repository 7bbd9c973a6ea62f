INSERT INTO sale (
    hub, sale, epoch, stream, sequence, reference, register, operator, receipt, fiscal_year, business_day,
    sold_at_ms, customer, currency, regular, discount, net, manufacturer_coupon, tendered, change, movement,
    receipt_prefix
)
SELECT * FROM unnest(
    $1::TEXT[], $2::TEXT[], $3::BIGINT[], $4::TEXT[], $5::BIGINT[], $6::TEXT[], $7::TEXT[], $8::TEXT[],
    $9::BIGINT[], $10::BIGINT[], $11::TEXT[], $12::BIGINT[], $13::TEXT[], $14::TEXT[], $15::BIGINT[],
    $16::BIGINT[], $17::BIGINT[], $18::BIGINT[], $19::BIGINT[], $20::BIGINT[], $21::BIGINT[],
    $22::TEXT[]
)
