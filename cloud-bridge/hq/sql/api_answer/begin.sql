INSERT INTO api_answer (api_key, idempotency_key, digest, at_ms) VALUES ($1, $2, $3, $4)
ON CONFLICT (api_key, idempotency_key) DO NOTHING
