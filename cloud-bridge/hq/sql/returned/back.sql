SELECT hub, of_line, CAST(SUM(quantity_milli) AS BIGINT)
FROM return_line
WHERE of_hub = $1 AND of_sale = $2
GROUP BY hub, of_line
ORDER BY hub, of_line
LIMIT $3
