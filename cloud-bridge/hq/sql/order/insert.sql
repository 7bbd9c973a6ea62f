INSERT INTO placed_order (
    order_id, taken_by, kind, digest, body, destination, given_up, state, placed_at_ms, due_ms, events, attention_at_ms
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0
)
ON CONFLICT (order_id) DO NOTHING
