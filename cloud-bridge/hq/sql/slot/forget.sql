DELETE FROM pickup_slot WHERE from_ms < $1
