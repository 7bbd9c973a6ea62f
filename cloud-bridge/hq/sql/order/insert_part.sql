INSERT INTO order_part (
    number, part, hub, body, queue, state, is_open, is_refused
) VALUES (
    $1, $2, $3, $4, $5, $6, 1, 0
)
