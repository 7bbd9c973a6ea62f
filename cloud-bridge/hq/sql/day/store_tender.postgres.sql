INSERT INTO day_tender (
    hub, business_day, currency, kind, tenders, amount
)
SELECT * FROM unnest(
    $1::TEXT[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::BIGINT[], $6::BIGINT[]
)
ON CONFLICT (hub, business_day, currency, kind) DO UPDATE SET
    tenders = excluded.tenders,
    amount = excluded.amount
