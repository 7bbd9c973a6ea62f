INSERT INTO order_request (hub, kind, body, try_at_ms) VALUES ($1, $2, $3, 0)
