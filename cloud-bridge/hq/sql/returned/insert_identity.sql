INSERT INTO return_identity (
    identity, at_ms, hub, sale, place, refund, receipted, who, card
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9
)
ON CONFLICT (identity, at_ms, hub, sale, place) DO NOTHING
