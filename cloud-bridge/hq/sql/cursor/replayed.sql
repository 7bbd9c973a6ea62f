UPDATE hub_cursor
SET replayed_to = $1
WHERE hub = $2 AND epoch = $3 AND stream = $4
