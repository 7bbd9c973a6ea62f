SELECT hub, sale, register, receipt, sold_at_ms, net
FROM sale
JOIN unnest($1::TEXT[], $2::TEXT[]) AS wanted (hub, sale) USING (hub, sale)
