UPDATE feed_offset
SET transactions = newest.transaction_id + 1 - CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)
FROM (
    SELECT transaction_id FROM event ORDER BY transaction_id DESC, position DESC LIMIT 1
) AS newest
WHERE newest.transaction_id - feed_offset.transactions
    >= CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT)
