SELECT hub, sku, unit, epoch, as_of_ms, granted, spent, recalled, returned, refused
FROM web_quota
WHERE hub = $1 AND sku = $2 AND unit = $3
