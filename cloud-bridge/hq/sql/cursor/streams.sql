SELECT epoch, stream, up_to
FROM hub_cursor
WHERE hub = $1
ORDER BY epoch, stream
