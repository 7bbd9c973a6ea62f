INSERT INTO event (
    transaction_id, hub, epoch, stream, sequence, kind, occurred_at_ms, received_at_ms, body, digest
)
SELECT own.transaction_id, fresh.*
FROM (
    SELECT CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT) + transactions AS transaction_id FROM feed_offset
) AS own, unnest(
    $1::TEXT[], $2::BIGINT[], $3::TEXT[], $4::BIGINT[], $5::TEXT[], $6::BIGINT[], $7::BIGINT[], $8::TEXT[],
    $9::BYTEA[]
) AS fresh
