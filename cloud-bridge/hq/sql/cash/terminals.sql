SELECT epoch, number, terminal, state, terminal_amount, store_amount, difference, suspects, why
FROM terminal_result
WHERE hub = $1 AND business_day = $2 AND currency = $3
ORDER BY epoch, number
