SELECT q.hub, q.sku, q.unit, q.epoch, q.as_of_ms, q.granted, q.spent, q.recalled, q.returned, q.refused
FROM web_quota q
WHERE q.sku = $1 AND (q.hub, q.unit) > ($2, $3)
  AND q.epoch >= COALESCE((SELECT h.epoch FROM hub h WHERE h.hub = q.hub), 0)
ORDER BY q.hub, q.unit
LIMIT $4
