INSERT INTO sale_tender (
    hub, sale, place, kind, amount, scheme
) VALUES (
    $1, $2, $3, $4, $5, $6
)
