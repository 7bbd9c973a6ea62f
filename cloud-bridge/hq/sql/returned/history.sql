SELECT at_ms, hub, sale, refund, receipted, who, card
FROM return_identity
WHERE identity = $1 AND at_ms > $2
ORDER BY at_ms DESC, hub, sale, place
LIMIT $3
