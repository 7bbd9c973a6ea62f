SELECT up_to, link, replayed_to
FROM hub_cursor
WHERE hub = $1 AND epoch = $2 AND stream = $3
