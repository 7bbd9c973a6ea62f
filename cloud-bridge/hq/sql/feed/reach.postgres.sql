SELECT CAST(CAST(transaction_id AS TEXT) AS BIGINT), position
FROM (
    SELECT transaction_id, position FROM event
    WHERE (transaction_id, position) > (CAST(CAST(CAST($1 AS BIGINT) AS TEXT) AS XID8), $2)
        AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY transaction_id, position
    LIMIT $3
) AS reached
ORDER BY transaction_id DESC, position DESC
LIMIT 1
