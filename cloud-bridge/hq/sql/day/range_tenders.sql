SELECT hub, business_day, currency, kind, tenders, amount
FROM day_tender
WHERE (hub, business_day, currency) >= ($1, $2, $3) AND (hub, business_day, currency) <= ($4, $5, $6)
  AND business_day >= $7 AND business_day <= $8
ORDER BY hub, business_day, currency, kind
