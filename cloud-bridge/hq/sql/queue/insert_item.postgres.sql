INSERT INTO queue_item (
    hub, stream, place, kind, body
)
SELECT * FROM unnest(
    $1::TEXT[], $2::TEXT[], $3::BIGINT[], $4::TEXT[], $5::TEXT[]
)
