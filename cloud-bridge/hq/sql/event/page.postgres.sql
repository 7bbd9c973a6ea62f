SELECT CAST(CAST(transaction_id AS TEXT) AS BIGINT) AS written_by, position, hub, epoch, stream, sequence, kind, occurred_at_ms, received_at_ms, body
FROM event
WHERE (transaction_id, position) > (CAST(CAST(CAST($1 AS BIGINT) AS TEXT) AS XID8), $2)
ORDER BY transaction_id, position
LIMIT $3
