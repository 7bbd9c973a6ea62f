SELECT hub, business_day, currency, shift, kind, tenders, amount
FROM shift_book
WHERE hub = $1 AND business_day = $2 AND currency = $3 AND shift = $4 AND kind = $5
