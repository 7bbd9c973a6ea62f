UPDATE api_key SET last_used_at_ms = $1 WHERE id = $2
