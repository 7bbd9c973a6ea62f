INSERT INTO audit_entry (
    hub, epoch, sequence, number, at_ms, act, station, operator, details
)
SELECT * FROM unnest(
    $1::TEXT[], $2::BIGINT[], $3::BIGINT[], $4::BIGINT[], $5::BIGINT[], $6::TEXT[], $7::TEXT[], $8::TEXT[], $9::TEXT[]
)
ON CONFLICT (hub, epoch, sequence) DO NOTHING
