SELECT transaction_id AS written_by, position, hub, epoch, stream, sequence, kind, occurred_at_ms, received_at_ms, body
FROM event
WHERE (transaction_id, position) > ($1, $2)
ORDER BY transaction_id, position
LIMIT $3
