INSERT INTO shift_book (
    hub, business_day, currency, shift, kind, tenders, amount
) VALUES (
    $1, $2, $3, $4, $5, $6, $7
)
ON CONFLICT (hub, business_day, currency, shift, kind) DO UPDATE SET
    tenders = excluded.tenders,
    amount = excluded.amount
