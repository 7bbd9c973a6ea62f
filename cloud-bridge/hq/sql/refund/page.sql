SELECT r.number, r.task, o.order_id, r.amount, r.currency, r.reference, r.created_at_ms, r.done_at_ms, r.refunded_by,
    r.returned
FROM refund_task r
JOIN placed_order o ON o.number = r.number
WHERE (r.number, r.task) > ($1, $2) AND (CAST($3 AS BIGINT) = 0 OR r.done_at_ms IS NULL)
ORDER BY r.number, r.task
LIMIT $4
