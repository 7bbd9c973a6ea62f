INSERT INTO queue_item (
    hub, stream, place, kind, body
) VALUES (
    $1, $2, $3, $4, $5
)
