INSERT INTO terminal_result (
    hub, business_day, currency, epoch, number, terminal, state, ended_at_ms, terminal_amount, store_amount, difference,
    suspects, why
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
)
ON CONFLICT (hub, business_day, currency, epoch, number) DO NOTHING
