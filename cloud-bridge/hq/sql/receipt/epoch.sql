SELECT MAX(epoch)
FROM hub_cursor
WHERE hub = $1 AND epoch <> $2
