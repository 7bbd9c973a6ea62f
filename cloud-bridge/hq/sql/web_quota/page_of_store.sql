SELECT q.hub, q.sku, q.unit, q.epoch, q.as_of_ms, q.granted, q.spent, q.recalled, q.returned, q.refused
FROM web_quota q
WHERE q.hub = $1 AND (q.sku = $2 OR $2 = '') AND (q.sku, q.unit) > ($3, $4)
  AND q.epoch >= COALESCE((SELECT h.epoch FROM hub h WHERE h.hub = q.hub), 0)
ORDER BY q.sku, q.unit
LIMIT $5
