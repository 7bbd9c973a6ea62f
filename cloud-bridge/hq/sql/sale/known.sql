SELECT hub, sale, register, receipt, sold_at_ms, net
FROM sale
WHERE hub = $1 AND sale = $2
