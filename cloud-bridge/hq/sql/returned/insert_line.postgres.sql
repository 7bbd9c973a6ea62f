INSERT INTO return_line (
    hub, sale, number, of_hub, of_sale, of_line, sku, quantity_milli, refund, reason, disposition
)
SELECT * FROM unnest(
    $1::TEXT[], $2::TEXT[], $3::BIGINT[], $4::TEXT[], $5::TEXT[], $6::BIGINT[], $7::TEXT[], $8::BIGINT[],
    $9::BIGINT[], $10::TEXT[], $11::TEXT[]
)
ON CONFLICT (hub, sale, number) DO NOTHING
