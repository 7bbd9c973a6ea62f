SELECT hub, epoch, software, stopped, heard_at_ms
FROM hub
WHERE hub > $1
ORDER BY hub
LIMIT $2
