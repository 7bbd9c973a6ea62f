SELECT $1 AS transaction_id, position, hub, epoch, stream, sequence, kind, occurred_at_ms, received_at_ms, body
FROM event
WHERE position > $2 AND $3 = $1 AND position <= $4
    AND ($5 = '' OR instr($5, ',' || kind || ',') > 0)
    AND ($6 = '' OR instr($6, ',' || hub || ',') > 0)
ORDER BY position
LIMIT $7
