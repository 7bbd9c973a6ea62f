SELECT DISTINCT of_hub, of_sale
FROM return_line
WHERE of_hub = $1 AND of_sale = $2
