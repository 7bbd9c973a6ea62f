SELECT at_ms, hub, sale, place, of_hub, of_sale, currency, refund, validated, outcome, rules, register, operator,
    approved_by
FROM return_ticket
WHERE (at_ms, hub, sale, place) > ($1, $2, $3, $4)
ORDER BY at_ms, hub, sale, place
LIMIT $5
