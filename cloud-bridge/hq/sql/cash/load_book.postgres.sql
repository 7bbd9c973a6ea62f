SELECT hub, business_day, currency, shift, kind, tenders, amount
FROM shift_book
JOIN unnest($1::TEXT[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::TEXT[])
    AS wanted (hub, business_day, currency, shift, kind) USING (hub, business_day, currency, shift, kind)
