SELECT $1 AS transaction_id, position
FROM (SELECT position FROM event WHERE position > $2 ORDER BY position LIMIT $3)
ORDER BY position DESC
LIMIT 1
