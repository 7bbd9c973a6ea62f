INSERT INTO sale (
    hub, sale, epoch, stream, sequence, reference, register, operator, receipt, fiscal_year, business_day,
    sold_at_ms, customer, currency, regular, discount, net, manufacturer_coupon, tendered, change, movement,
    receipt_prefix
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22
)
