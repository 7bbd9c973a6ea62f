INSERT INTO shift_result (
    hub, business_day, currency, shift, till, closed_at_ms, sales, expected, counted, difference
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
)
ON CONFLICT (hub, business_day, currency, shift) DO NOTHING
