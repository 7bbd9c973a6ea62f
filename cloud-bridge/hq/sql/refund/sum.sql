SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM refund_task WHERE number = $1 AND returned IS NULL
