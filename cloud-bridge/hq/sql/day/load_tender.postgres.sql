SELECT hub, business_day, currency, kind, tenders, amount
FROM day_tender
JOIN unnest($1::TEXT[], $2::TEXT[], $3::TEXT[], $4::TEXT[])
  AS wanted (hub, business_day, currency, kind) USING (hub, business_day, currency, kind)
