SELECT at_ms, hub, sale, is_sold, customer, starts, months, ends
FROM unit_event
WHERE sku = $1 AND serial = $2
ORDER BY at_ms DESC, is_sold DESC, hub, sale, number
LIMIT $3
