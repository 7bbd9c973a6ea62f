DELETE FROM cash_movement
