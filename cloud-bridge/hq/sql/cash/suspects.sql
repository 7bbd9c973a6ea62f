SELECT epoch, number, payment, register, amount, requested, explains
FROM terminal_suspect
WHERE hub = $1 AND business_day = $2 AND currency = $3
ORDER BY epoch, number, 1 - explains, booking
