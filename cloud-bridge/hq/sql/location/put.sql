INSERT INTO location (id, state, body, changed_ms) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, body = excluded.body, changed_ms = excluded.changed_ms
