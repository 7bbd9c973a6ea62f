INSERT INTO worker (name, until_ms) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET until_ms = excluded.until_ms
