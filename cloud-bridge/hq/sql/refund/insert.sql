INSERT INTO refund_task (number, task, amount, currency, reference, created_at_ms, returned)
SELECT $1, COALESCE(MAX(r.task), 0) + 1, $2, $3, $4, $5, $6 FROM refund_task r WHERE r.number = $1
