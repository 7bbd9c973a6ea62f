INSERT INTO refused_item (
    hub, stream, kind, body, why
)
SELECT * FROM unnest(
    $1::TEXT[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::TEXT[]
)
