SELECT transaction_id, position
FROM (
    SELECT transaction_id, position FROM event
    WHERE (transaction_id, position) > ($1, $2)
        AND transaction_id < (
            SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT) + transactions FROM feed_offset
        )
    ORDER BY transaction_id, position
    LIMIT $3
) AS reached
ORDER BY transaction_id DESC, position DESC
LIMIT 1
