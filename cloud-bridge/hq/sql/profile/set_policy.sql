INSERT INTO order_policy (id, body) VALUES (1, $1)
ON CONFLICT (id) DO UPDATE SET body = excluded.body
