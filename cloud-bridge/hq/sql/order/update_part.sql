UPDATE order_part SET body = $1, queue = $2, recalled_at_ms = $3, state = $4, is_open = $5
WHERE number = $6 AND part = $7
