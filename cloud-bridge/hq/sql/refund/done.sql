UPDATE refund_task SET done_at_ms = $1, refunded_by = $2 WHERE number = $3 AND task = $4 AND done_at_ms IS NULL
