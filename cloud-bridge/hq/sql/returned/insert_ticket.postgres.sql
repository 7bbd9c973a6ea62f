INSERT INTO return_ticket (
    at_ms, hub, sale, place, of_hub, of_sale, currency, refund, validated, outcome, rules, register, operator,
    approved_by
)
SELECT * FROM unnest(
    $1::BIGINT[], $2::TEXT[], $3::TEXT[], $4::BIGINT[], $5::TEXT[], $6::TEXT[], $7::TEXT[], $8::BIGINT[],
    $9::TEXT[], $10::TEXT[], $11::TEXT[], $12::TEXT[], $13::TEXT[], $14::TEXT[]
)
ON CONFLICT (at_ms, hub, sale, place) DO NOTHING
