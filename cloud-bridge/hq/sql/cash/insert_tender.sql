INSERT INTO shift_tender (
    hub, business_day, currency, shift, kind, tenders, amount
) VALUES (
    $1, $2, $3, $4, $5, $6, $7
)
ON CONFLICT (hub, business_day, currency, shift, kind) DO NOTHING
