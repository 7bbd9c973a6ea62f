SELECT sequence
FROM quarantine
WHERE hub = $1 AND epoch = $2 AND stream = $3 AND sequence > $4
