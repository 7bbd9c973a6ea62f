SELECT digest, status, body FROM api_answer WHERE api_key = $1 AND idempotency_key = $2
