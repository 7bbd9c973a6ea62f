SELECT hub, epoch, first_movement
FROM epoch_start
JOIN unnest($1::TEXT[], $2::BIGINT[]) AS wanted (hub, epoch) USING (hub, epoch)
