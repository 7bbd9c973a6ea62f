SELECT order_id FROM placed_order
WHERE attention_at_ms IS NOT NULL AND attention_at_ms <= $1
ORDER BY attention_at_ms, number
LIMIT $2
