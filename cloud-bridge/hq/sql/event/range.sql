SELECT sequence, kind, body, digest
FROM event
WHERE hub = $1 AND epoch = $2 AND stream = $3 AND sequence BETWEEN $4 AND $5
ORDER BY sequence
