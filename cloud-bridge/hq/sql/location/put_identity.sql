INSERT INTO hub_identity (serial, location, state, not_after_ms, issued_ms, body) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (serial) DO UPDATE SET state = excluded.state, body = excluded.body
