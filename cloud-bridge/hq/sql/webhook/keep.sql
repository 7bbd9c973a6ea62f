INSERT INTO webhook_message (webhook, message, kind, body, attempts, next_at_ms, is_dead, why)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (webhook, message) DO NOTHING
