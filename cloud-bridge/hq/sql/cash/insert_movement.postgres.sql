INSERT INTO cash_movement (
    hub, epoch, sequence, shift, till, kind, amount, reason, station, operator, at_ms
)
SELECT * FROM unnest(
    $1::TEXT[], $2::BIGINT[], $3::BIGINT[], $4::TEXT[], $5::TEXT[], $6::TEXT[], $7::BIGINT[],
    $8::TEXT[], $9::TEXT[], $10::TEXT[], $11::BIGINT[]
)
ON CONFLICT (hub, epoch, sequence) DO NOTHING
