SELECT s.hub, s.sale, s.epoch, s.sequence, s.reference, s.register, s.operator, s.receipt, s.fiscal_year,
       s.business_day,
    s.sold_at_ms, s.customer, s.currency, s.regular, s.discount, s.net, s.manufacturer_coupon, s.tendered, s.change,
    e.body
FROM sale s
JOIN event e ON e.hub = s.hub AND e.epoch = s.epoch AND e.stream = s.stream AND e.sequence = s.sequence
WHERE s.hub = $1 AND s.sale = $2
