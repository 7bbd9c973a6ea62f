SELECT hub, kind, body FROM order_request WHERE request = $1 FOR UPDATE
