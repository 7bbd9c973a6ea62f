INSERT INTO hub (
    hub, epoch, software, heard_at_ms
) VALUES (
    $1, $2, 'unknown', $3
)
ON CONFLICT (hub) DO NOTHING
