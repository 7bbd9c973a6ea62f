UPDATE placed_order SET attention_at_ms = $1 WHERE order_id = $2
