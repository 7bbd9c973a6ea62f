SELECT s.hub, s.sale, s.epoch, s.sequence, s.reference, s.register, s.operator, s.receipt, s.fiscal_year,
       s.business_day,
    s.sold_at_ms, s.customer, s.currency, s.regular, s.discount, s.net, s.manufacturer_coupon, s.tendered, s.change
FROM sale s
WHERE s.customer = $1 AND (s.sold_at_ms, s.hub, s.sale) < ($2, $3, $4)
ORDER BY s.sold_at_ms DESC, s.hub DESC, s.sale DESC
LIMIT $5
