SELECT hub, epoch, first_movement
FROM epoch_start
WHERE hub = $1 AND epoch = $2
