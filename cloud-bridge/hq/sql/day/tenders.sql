SELECT kind, tenders, amount
FROM day_tender
WHERE hub = $1 AND business_day = $2 AND currency = $3
ORDER BY kind
