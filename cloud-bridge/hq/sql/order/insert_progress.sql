INSERT INTO order_progress (
    order_id, part, hub, epoch, sequence, kind, body
) VALUES (
    $1, $2, $3, $4, $5, $6, $7
)
