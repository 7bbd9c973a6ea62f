SELECT s.hub, s.sale, s.epoch, s.register, s.operator, s.receipt, s.fiscal_year, s.business_day, s.sold_at_ms,
    s.customer, s.currency, l.number, l.sku, l.gtin, l.on_file, l.description, l.quantity_milli, l.unit, l.regular,
    l.net
FROM (
    SELECT hub, sale, epoch, register, operator, receipt, fiscal_year, business_day, sold_at_ms, customer, currency
    FROM sale
    WHERE business_day = $1 AND (hub, sale) > ($2, $3)
    ORDER BY hub, sale
    LIMIT $4
) AS s
LEFT JOIN sale_line l ON l.hub = s.hub AND l.business_day = s.business_day AND l.sale = s.sale
ORDER BY s.hub, s.sale, l.place
