SELECT s.hub, s.sale, s.epoch, s.sequence, s.reference, s.register, s.operator, s.receipt, s.fiscal_year,
       s.business_day,
    s.sold_at_ms, s.customer, s.currency, s.regular, s.discount, s.net, s.manufacturer_coupon, s.tendered, s.change
FROM sale s
WHERE s.hub = $1 AND s.fiscal_year = $2 AND s.register = $3 AND s.receipt = $4 AND s.sale > $5
ORDER BY s.sale
LIMIT $6
