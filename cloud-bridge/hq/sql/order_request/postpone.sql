UPDATE order_request SET try_at_ms = $1 WHERE request = $2
