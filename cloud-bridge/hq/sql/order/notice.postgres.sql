WITH noticed AS (
    SELECT number FROM placed_order WHERE order_id = ANY ($1::TEXT[]) ORDER BY order_id FOR UPDATE
)
UPDATE placed_order SET attention_at_ms = 0 FROM noticed WHERE placed_order.number = noticed.number
