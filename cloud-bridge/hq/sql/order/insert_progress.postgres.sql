INSERT INTO order_progress (
    order_id, part, hub, epoch, sequence, kind, body
)
SELECT * FROM unnest(
    $1::TEXT[], $2::BIGINT[], $3::TEXT[], $4::BIGINT[], $5::BIGINT[], $6::TEXT[], $7::TEXT[]
)
