DELETE FROM epoch_start
