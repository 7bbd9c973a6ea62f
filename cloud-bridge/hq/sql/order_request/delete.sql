DELETE FROM order_request WHERE request = $1
