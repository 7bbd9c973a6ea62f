INSERT INTO refused_item (
    hub, stream, kind, body, why
) VALUES (
    $1, $2, $3, $4, $5
)
