SELECT hub, epoch, sequence, number, at_ms, act, station, operator, details
FROM audit_entry
WHERE (hub, epoch, sequence) > ($1, $2, $3)
ORDER BY hub, epoch, sequence
LIMIT $4
