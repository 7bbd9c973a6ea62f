SELECT q.hub, q.sku, q.unit, q.epoch, q.as_of_ms, q.granted, q.spent, q.recalled, q.returned, q.refused
FROM web_quota q
JOIN unnest($1::TEXT[], $2::TEXT[]) AS wanted (sku, unit) ON wanted.sku = q.sku AND wanted.unit = q.unit
WHERE q.epoch >= COALESCE((SELECT h.epoch FROM hub h WHERE h.hub = q.hub), 0)
