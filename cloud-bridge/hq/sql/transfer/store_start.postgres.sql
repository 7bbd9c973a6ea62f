INSERT INTO epoch_start (
    hub, epoch, first_movement
)
SELECT * FROM unnest(
    $1::TEXT[], $2::BIGINT[], $3::BIGINT[]
)
ON CONFLICT (hub, epoch) DO UPDATE SET
    first_movement = excluded.first_movement
