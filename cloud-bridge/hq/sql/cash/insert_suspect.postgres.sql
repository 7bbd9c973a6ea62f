INSERT INTO terminal_suspect (
    hub, business_day, currency, epoch, number, booking, payment, register, amount, requested, explains
)
SELECT * FROM unnest(
    $1::TEXT[], $2::TEXT[], $3::TEXT[], $4::BIGINT[], $5::BIGINT[], $6::BIGINT[], $7::TEXT[], $8::TEXT[],
    $9::BIGINT[], $10::BIGINT[], $11::BIGINT[]
)
ON CONFLICT (hub, business_day, currency, epoch, number, booking) DO NOTHING
