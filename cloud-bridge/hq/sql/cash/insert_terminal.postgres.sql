INSERT INTO terminal_result (
    hub, business_day, currency, epoch, number, terminal, state, ended_at_ms, terminal_amount, store_amount, difference,
    suspects, why
)
SELECT * FROM unnest(
    $1::TEXT[], $2::TEXT[], $3::TEXT[], $4::BIGINT[], $5::BIGINT[], $6::TEXT[], $7::TEXT[], $8::BIGINT[],
    $9::BIGINT[], $10::BIGINT[], $11::BIGINT[], $12::BIGINT[], $13::TEXT[]
)
ON CONFLICT (hub, business_day, currency, epoch, number) DO NOTHING
