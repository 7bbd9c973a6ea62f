SELECT transaction_id, position, hub, epoch, stream, sequence, kind, occurred_at_ms, received_at_ms, body
FROM event
WHERE (transaction_id, position) > ($1, $2)
    AND (transaction_id, position) <= ($3, $4)
    AND ($5 = '' OR strpos($5, ',' || kind || ',') > 0)
    AND ($6 = '' OR strpos($6, ',' || hub || ',') > 0)
ORDER BY transaction_id, position
LIMIT $7
