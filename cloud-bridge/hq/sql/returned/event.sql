SELECT event.body
FROM sale
JOIN event USING (hub, epoch, stream, sequence)
WHERE sale.hub = $1 AND sale.sale = $2
