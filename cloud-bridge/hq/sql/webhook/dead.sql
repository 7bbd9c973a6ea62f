SELECT message, kind, attempts, why
FROM webhook_message
WHERE webhook = $1 AND is_dead = 1 AND message > $2
ORDER BY message
LIMIT $3
