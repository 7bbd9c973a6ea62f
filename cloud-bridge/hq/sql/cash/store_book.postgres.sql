INSERT INTO shift_book (
    hub, business_day, currency, shift, kind, tenders, amount
)
SELECT * FROM unnest(
    $1::TEXT[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::TEXT[], $6::BIGINT[], $7::BIGINT[]
)
ON CONFLICT (hub, business_day, currency, shift, kind) DO UPDATE SET
    tenders = excluded.tenders,
    amount = excluded.amount
