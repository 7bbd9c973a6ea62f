SELECT hub, business_day, currency, sales, lines, regular, discount, net, manufacturer_coupon, owed, voids, voided
FROM day
JOIN unnest($1::TEXT[], $2::TEXT[], $3::TEXT[]) AS wanted (hub, business_day, currency)
  USING (hub, business_day, currency)
