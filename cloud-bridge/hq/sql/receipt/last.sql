SELECT register, fiscal_year, MAX(receipt)
FROM sale
WHERE hub = $1 AND receipt_prefix IS NULL
GROUP BY register, fiscal_year
ORDER BY fiscal_year DESC, register
LIMIT $2
