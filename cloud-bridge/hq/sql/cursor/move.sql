UPDATE hub_cursor
SET up_to = $1, link = $2, occurred_at_ms = $3, received_at_ms = $4
WHERE hub = $5 AND epoch = $6 AND stream = $7
