INSERT INTO store_day (
    hub, epoch, number, business_day, closed_at_ms, shifts, uncounted, expected, counted, difference,
    sales, discount, net, owed
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
)
ON CONFLICT (hub, epoch, number) DO NOTHING
