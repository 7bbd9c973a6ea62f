INSERT INTO unit_event (
    sku, serial, at_ms, hub, sale, number, is_sold, customer, starts, months, ends
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
)
ON CONFLICT (sku, serial, at_ms, hub, sale, number) DO NOTHING
