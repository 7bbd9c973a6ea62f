SELECT o.number, o.order_id, o.kind, o.state, o.placed_at_ms, o.due_ms, o.ended_at_ms, o.taken_by
FROM placed_order o
WHERE o.number > $1 AND (CAST($2 AS BIGINT) = 0 OR o.ended_at_ms IS NULL)
    AND (CAST($3 AS BIGINT) = 0 OR o.due_ms < $3)
    AND ($4 = '' OR o.taken_by = $4 OR EXISTS (SELECT 1 FROM order_part p WHERE p.number = o.number AND p.hub = $4))
ORDER BY o.number
LIMIT $5
