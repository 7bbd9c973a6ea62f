UPDATE pickup_slot SET taken = taken - 1 WHERE hub = $1 AND from_ms = $2 AND taken > 0
