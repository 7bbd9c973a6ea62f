INSERT INTO event (
    hub, epoch, stream, sequence, kind, occurred_at_ms, received_at_ms, body, digest
)
SELECT * FROM unnest(
    $1::TEXT[], $2::BIGINT[], $3::TEXT[], $4::BIGINT[], $5::TEXT[], $6::BIGINT[], $7::BIGINT[], $8::TEXT[],
    $9::BYTEA[]
)
