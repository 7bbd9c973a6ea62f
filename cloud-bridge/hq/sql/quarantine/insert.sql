INSERT INTO quarantine (
    hub, epoch, stream, sequence, why
) VALUES (
    $1, $2, $3, $4, $5
)
