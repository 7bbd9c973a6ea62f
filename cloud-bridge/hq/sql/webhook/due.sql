SELECT message, body, attempts
FROM webhook_message
WHERE webhook = $1 AND is_dead = 0 AND next_at_ms <= $2
ORDER BY next_at_ms
LIMIT $3
