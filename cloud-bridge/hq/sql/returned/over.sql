SELECT returned.of_line, CAST(SUM(returned.quantity_milli) AS BIGINT), line.quantity_milli
FROM return_line AS returned
JOIN sale ON sale.hub = returned.of_hub AND sale.sale = returned.of_sale
JOIN sale_line AS line ON line.hub = sale.hub AND line.business_day = sale.business_day
    AND line.sale = sale.sale AND line.number = returned.of_line
WHERE returned.of_hub = $1 AND returned.of_sale = $2
GROUP BY returned.of_line, line.quantity_milli
HAVING SUM(returned.quantity_milli) > line.quantity_milli
ORDER BY returned.of_line
