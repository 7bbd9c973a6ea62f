SELECT number, acknowledged, taken, last, life
FROM queue
WHERE hub = $1 AND stream = $2
