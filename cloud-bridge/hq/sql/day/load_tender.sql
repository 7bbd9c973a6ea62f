SELECT hub, business_day, currency, kind, tenders, amount
FROM day_tender
WHERE hub = $1 AND business_day = $2 AND currency = $3 AND kind = $4
