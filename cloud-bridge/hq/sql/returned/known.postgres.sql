SELECT DISTINCT of_hub, of_sale
FROM return_line
JOIN unnest($1::TEXT[], $2::TEXT[]) AS wanted (of_hub, of_sale) USING (of_hub, of_sale)
