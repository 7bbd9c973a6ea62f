INSERT INTO api_key (id, name, scopes, digest, created_at_ms) VALUES ($1, $2, $3, $4, $5)
