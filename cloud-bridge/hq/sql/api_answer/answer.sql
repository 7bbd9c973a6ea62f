UPDATE api_answer SET status = $1, body = $2 WHERE api_key = $3 AND idempotency_key = $4
