SELECT q.sku, q.unit FROM web_quota q WHERE q.sku = ANY ($1::TEXT[])
UNION
SELECT s.sku, s.unit FROM stock s WHERE s.sku = ANY ($1::TEXT[])
