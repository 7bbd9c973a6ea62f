SELECT sku, unit FROM web_quota WHERE sku = $1
UNION
SELECT sku, unit FROM stock WHERE sku = $1
