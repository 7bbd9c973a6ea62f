SELECT part, hub, body, queue, recalled_at_ms, state, is_refused
FROM order_part
WHERE number = $1
ORDER BY part
