SELECT 0 AS written_by, position, hub, epoch, stream, sequence, kind, occurred_at_ms, received_at_ms, body
FROM event
WHERE $1 = 0 AND position > $2
ORDER BY position
LIMIT $3
