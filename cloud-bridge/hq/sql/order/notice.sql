UPDATE placed_order SET attention_at_ms = 0 WHERE order_id = $1
