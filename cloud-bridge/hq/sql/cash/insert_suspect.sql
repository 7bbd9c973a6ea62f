INSERT INTO terminal_suspect (
    hub, business_day, currency, epoch, number, booking, payment, register, amount, requested, explains
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
)
ON CONFLICT (hub, business_day, currency, epoch, number, booking) DO NOTHING
