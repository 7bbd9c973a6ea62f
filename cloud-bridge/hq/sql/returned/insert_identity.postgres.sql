INSERT INTO return_identity (
    identity, at_ms, hub, sale, place, refund, receipted, who, card
)
SELECT * FROM unnest(
    $1::TEXT[], $2::BIGINT[], $3::TEXT[], $4::TEXT[], $5::BIGINT[], $6::BIGINT[], $7::BIGINT[], $8::TEXT[],
    $9::TEXT[]
)
ON CONFLICT (identity, at_ms, hub, sale, place) DO NOTHING
