SELECT task, amount, currency, reference, created_at_ms, done_at_ms, refunded_by, returned
FROM refund_task WHERE number = $1 ORDER BY task
