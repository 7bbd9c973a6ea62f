SELECT hub, sku, unit, epoch, as_of_ms, granted, spent, recalled, returned, refused
FROM web_quota
JOIN unnest($1::TEXT[], $2::TEXT[], $3::TEXT[]) AS wanted (hub, sku, unit) USING (hub, sku, unit)
ORDER BY hub, sku, unit
FOR UPDATE OF web_quota
