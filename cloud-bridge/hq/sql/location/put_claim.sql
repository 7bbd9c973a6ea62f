INSERT INTO location_claim (id, location, issued_ms, body) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET body = excluded.body
