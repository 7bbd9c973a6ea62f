SELECT number, taken_by, digest, body, destination, given_up, state, placed_at_ms, ended_at_ms, slot_hub, slot_ms,
       events
FROM placed_order
WHERE order_id = $1
