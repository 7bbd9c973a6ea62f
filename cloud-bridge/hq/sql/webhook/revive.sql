UPDATE webhook_message SET attempts = 0, next_at_ms = $1, is_dead = 0
WHERE webhook = $2 AND is_dead = 1 AND (message = $3 OR $3 = '')
