INSERT INTO sale_tender (
    hub, sale, place, kind, amount, scheme
)
SELECT * FROM unnest(
    $1::TEXT[], $2::TEXT[], $3::BIGINT[], $4::TEXT[], $5::BIGINT[], $6::TEXT[]
)
