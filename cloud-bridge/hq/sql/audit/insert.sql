INSERT INTO audit_entry (
    hub, epoch, sequence, number, at_ms, act, station, operator, details
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9
)
ON CONFLICT (hub, epoch, sequence) DO NOTHING
