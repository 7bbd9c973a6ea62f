SELECT from_ms, taken FROM pickup_slot WHERE hub = $1 AND from_ms >= $2 AND from_ms < $3
