SELECT DISTINCT of_hub, of_sale
FROM return_ticket
WHERE hub = $1 AND sale = $2 AND of_hub IS NOT NULL AND of_sale IS NOT NULL
ORDER BY of_hub, of_sale
