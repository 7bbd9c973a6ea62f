INSERT INTO epoch_start (
    hub, epoch, first_movement
) VALUES (
    $1, $2, $3
)
ON CONFLICT (hub, epoch) DO UPDATE SET
    first_movement = excluded.first_movement
