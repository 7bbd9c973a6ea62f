SELECT transaction_id, position
FROM event
WHERE transaction_id < (
    SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT) + transactions FROM feed_offset
)
ORDER BY transaction_id DESC, position DESC
LIMIT 1
