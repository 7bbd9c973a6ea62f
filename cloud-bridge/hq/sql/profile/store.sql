INSERT INTO store_profile (hub, body, changed_at_ms) VALUES ($1, $2, $3)
ON CONFLICT (hub) DO UPDATE SET body = excluded.body, changed_at_ms = excluded.changed_at_ms
