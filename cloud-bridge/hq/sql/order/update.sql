UPDATE placed_order
SET body = $1, given_up = $2, state = $3, ended_at_ms = $4, slot_hub = $5, slot_ms = $6, events = $7,
    attention_at_ms = $8
WHERE number = $9
