SELECT CAST(CAST(transaction_id AS TEXT) AS BIGINT), position
FROM event
WHERE transaction_id < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY transaction_id DESC, position DESC
LIMIT 1
