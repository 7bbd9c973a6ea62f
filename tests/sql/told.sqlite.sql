-- What the events say, read from their JSON by SQLite.

CREATE TEMP TABLE told_sale AS
SELECT hub, epoch, stream, sequence, body ->> 'sale' AS sale,
    COALESCE(body ->> 'reference', body ->> 'sale') AS reference, body ->> 'register' AS register,
    body ->> 'operator' AS operator, body ->> 'receipt' AS receipt,
    body ->> 'fiscal_year' AS fiscal_year, body ->> 'business_day' AS business_day, body ->> 'sold_at_ms' AS sold_at_ms,
    body ->> 'customer' AS customer, body ->> 'currency' AS currency, body ->> '$.totals.regular' AS regular,
    body ->> '$.totals.discount' AS discount, body ->> '$.totals.net' AS net,
    body ->> '$.totals.manufacturer_coupon' AS manufacturer_coupon, body ->> '$.totals.tendered' AS tendered,
    body ->> '$.totals.change' AS change, body ->> 'movement' AS movement,
    row_number() OVER (PARTITION BY hub, body ->> 'sale' ORDER BY position) AS nth
FROM event WHERE kind = 'sale.completed';

CREATE TEMP TABLE told_line AS
SELECT hub, epoch, stream, sequence, body ->> 'sale' AS sale, body ->> 'business_day' AS business_day, key + 1 AS place,
    value ->> 'number' AS number, value ->> 'sku' AS sku, value ->> 'gtin' AS gtin, value ->> 'on_file' AS on_file,
    value ->> 'description' AS description, value ->> 'quantity_milli' AS quantity_milli, value ->> 'unit' AS unit,
    value ->> 'regular' AS regular, value ->> 'net' AS net
FROM event, json_each(body, '$.lines') WHERE kind = 'sale.completed';

CREATE TEMP TABLE told_tender AS
SELECT hub, epoch, stream, sequence, body ->> 'sale' AS sale, key + 1 AS place, value ->> 'kind' AS kind,
    value ->> 'amount' AS amount, value ->> '$.card.scheme' AS scheme
FROM event, json_each(body, '$.tenders') WHERE kind = 'sale.completed';

CREATE TEMP TABLE told_moved AS
SELECT hub, epoch, key + 1 AS place, body ->> 'kind' AS kind, body ->> 'reference' AS reference,
    body ->> 'movement' AS movement, body ->> 'at_ms' AS at_ms, value ->> 'sku' AS sku, value ->> 'unit' AS unit,
    value ->> 'from' AS from_state, value ->> 'to' AS to_state, value ->> 'quantity_milli' AS milli
FROM event, json_each(body, CASE kind WHEN 'sale.completed' THEN '$.moved' ELSE '$.lines' END)
WHERE kind IN ('sale.completed', 'stock.moved')
UNION ALL
SELECT hub, epoch, key + 1, 'opening', NULL, NULL, NULL, value ->> 'sku', value ->> 'unit', NULL, value ->> 'state',
    value ->> 'quantity_milli'
FROM event, json_each(body, '$.lines') WHERE kind = 'stock.opened';

CREATE TEMP TABLE told_number AS
SELECT hub, epoch, body ->> 'movement' AS movement FROM event
WHERE kind = 'stock.moved'
    OR kind = 'sale.completed' AND body ->> 'movement' IS NOT NULL AND body ->> 'sale' LIKE epoch || '-%';
