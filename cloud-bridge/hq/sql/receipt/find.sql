SELECT event.body
FROM sale
JOIN event USING (hub, epoch, stream, sequence)
WHERE sale.hub = $1 AND sale.register = $2 AND sale.receipt = $3
ORDER BY sale.sold_at_ms DESC
LIMIT $4
