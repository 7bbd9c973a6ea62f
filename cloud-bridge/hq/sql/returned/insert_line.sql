INSERT INTO return_line (
    hub, sale, number, of_hub, of_sale, of_line, sku, quantity_milli, refund, reason, disposition
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
)
ON CONFLICT (hub, sale, number) DO NOTHING
