SELECT 1 FROM (SELECT make_sale_line_month($1)) AS made
