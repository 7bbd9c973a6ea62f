UPDATE queue SET last = $1 WHERE hub = $2 AND stream = $3
