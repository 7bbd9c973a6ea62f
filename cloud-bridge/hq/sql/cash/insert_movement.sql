INSERT INTO cash_movement (
    hub, epoch, sequence, shift, till, kind, amount, reason, station, operator, at_ms
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
)
ON CONFLICT (hub, epoch, sequence) DO NOTHING
