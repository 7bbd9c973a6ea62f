INSERT INTO sale_line (
    hub, business_day, sale, place, number, sku, gtin, on_file, description, quantity_milli, unit, regular,
    net
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
)
