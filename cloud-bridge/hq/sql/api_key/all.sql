SELECT id, name, scopes, created_at_ms, last_used_at_ms, revoked_at_ms FROM api_key ORDER BY created_at_ms, id
