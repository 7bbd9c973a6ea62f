INSERT INTO return_ticket (
    at_ms, hub, sale, place, of_hub, of_sale, currency, refund, validated, outcome, rules, register, operator,
    approved_by
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
)
ON CONFLICT (at_ms, hub, sale, place) DO NOTHING
