INSERT INTO store_setting (name, body, at_ms)
VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET body = excluded.body, at_ms = excluded.at_ms
