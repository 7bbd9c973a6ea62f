SELECT hub, epoch, software, stopped, heard_at_ms
FROM hub
WHERE hub > $1 AND hub >= $2 AND hub <= $3
ORDER BY hub
LIMIT $4
