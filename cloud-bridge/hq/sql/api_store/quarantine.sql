SELECT q.hub, q.epoch, q.stream, q.sequence, e.kind, e.received_at_ms, q.why
FROM quarantine q
JOIN event e ON e.hub = q.hub AND e.epoch = q.epoch AND e.stream = q.stream AND e.sequence = q.sequence
WHERE (q.hub, q.epoch, q.stream, q.sequence) > ($1, $2, $3, $4)
ORDER BY q.hub, q.epoch, q.stream, q.sequence
LIMIT $5
