SELECT id, scopes, digest FROM api_key WHERE revoked_at_ms IS NULL
