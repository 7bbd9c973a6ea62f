INSERT INTO quarantine (
    hub, epoch, stream, sequence, why
)
SELECT * FROM unnest(
    $1::TEXT[], $2::BIGINT[], $3::TEXT[], $4::BIGINT[], $5::TEXT[]
)
