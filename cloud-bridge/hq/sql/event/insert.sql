INSERT INTO event (
    hub, epoch, stream, sequence, kind, occurred_at_ms, received_at_ms, body, digest
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9
)
