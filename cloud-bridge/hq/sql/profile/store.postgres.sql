INSERT INTO store_profile (hub, body, changed_at_ms)
SELECT * FROM unnest($1::TEXT[], $2::TEXT[], $3::BIGINT[])
ON CONFLICT (hub) DO UPDATE SET body = excluded.body, changed_at_ms = excluded.changed_at_ms
