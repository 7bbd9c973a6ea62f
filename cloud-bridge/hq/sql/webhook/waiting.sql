SELECT COUNT(*) FROM webhook_message WHERE webhook = $1 AND is_dead = 0
