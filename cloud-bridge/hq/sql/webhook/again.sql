UPDATE webhook_message SET attempts = $1, next_at_ms = $2, is_dead = $3, why = $4
WHERE webhook = $5 AND message = $6
