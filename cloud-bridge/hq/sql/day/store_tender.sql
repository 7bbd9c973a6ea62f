INSERT INTO day_tender (
    hub, business_day, currency, kind, tenders, amount
) VALUES (
    $1, $2, $3, $4, $5, $6
)
ON CONFLICT (hub, business_day, currency, kind) DO UPDATE SET
    tenders = excluded.tenders,
    amount = excluded.amount
