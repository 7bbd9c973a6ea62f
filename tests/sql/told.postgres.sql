-- What the events say, read from their JSON by PostgreSQL. Tables, because it would read the JSON again for each use of
-- a view.

CREATE TEMP TABLE told AS
SELECT hub, epoch, stream, sequence, transaction_id, position, kind, body::JSONB AS body FROM event;

CREATE TEMP TABLE told_sale AS
SELECT hub, epoch, stream, sequence, body ->> 'sale' AS sale,
    COALESCE(body ->> 'reference', body ->> 'sale') AS reference, body ->> 'register' AS register,
    body ->> 'operator' AS operator, (body -> 'receipt')::BIGINT AS receipt,
    (body -> 'fiscal_year')::BIGINT AS fiscal_year, body ->> 'business_day' AS business_day,
    (body -> 'sold_at_ms')::BIGINT AS sold_at_ms, body ->> 'customer' AS customer, body ->> 'currency' AS currency,
    (body #> '{totals,regular}')::BIGINT AS regular, (body #> '{totals,discount}')::BIGINT AS discount,
    (body #> '{totals,net}')::BIGINT AS net, (body #> '{totals,manufacturer_coupon}')::BIGINT AS manufacturer_coupon,
    (body #> '{totals,tendered}')::BIGINT AS tendered, (body #> '{totals,change}')::BIGINT AS change,
    (body -> 'movement')::BIGINT AS movement,
    row_number() OVER (PARTITION BY hub, body ->> 'sale' ORDER BY transaction_id, position) AS nth
FROM told WHERE kind = 'sale.completed';

CREATE TEMP TABLE told_line AS
SELECT hub, epoch, stream, sequence, body ->> 'sale' AS sale, body ->> 'business_day' AS business_day, place,
    (line -> 'number')::BIGINT AS number, line ->> 'sku' AS sku, line ->> 'gtin' AS gtin,
    (line -> 'on_file')::BOOLEAN::INT AS on_file, line ->> 'description' AS description,
    (line -> 'quantity_milli')::BIGINT AS quantity_milli, line ->> 'unit' AS unit,
    (line -> 'regular')::BIGINT AS regular, (line -> 'net')::BIGINT AS net
FROM told, jsonb_array_elements(body -> 'lines') WITH ORDINALITY AS lines (line, place)
WHERE kind = 'sale.completed';

CREATE TEMP TABLE told_tender AS
SELECT hub, epoch, stream, sequence, body ->> 'sale' AS sale, place, tender ->> 'kind' AS kind,
    (tender -> 'amount')::BIGINT AS amount, tender #>> '{card,scheme}' AS scheme
FROM told, jsonb_array_elements(body -> 'tenders') WITH ORDINALITY AS tenders (tender, place)
WHERE kind = 'sale.completed';

CREATE TEMP TABLE told_moved AS
SELECT hub, epoch, place, body ->> 'kind' AS kind, body ->> 'reference' AS reference,
    (body -> 'movement')::BIGINT AS movement, (body -> 'at_ms')::BIGINT AS at_ms, line ->> 'sku' AS sku,
    line ->> 'unit' AS unit, line ->> 'from' AS from_state, line ->> 'to' AS to_state,
    (line -> 'quantity_milli')::BIGINT AS milli
FROM told, jsonb_array_elements(body -> CASE kind WHEN 'sale.completed' THEN 'moved' ELSE 'lines' END)
    WITH ORDINALITY AS lines (line, place)
WHERE kind IN ('sale.completed', 'stock.moved')
UNION ALL
SELECT hub, epoch, place, 'opening', NULL, NULL, NULL, line ->> 'sku', line ->> 'unit', NULL, line ->> 'state',
    (line -> 'quantity_milli')::BIGINT
FROM told, jsonb_array_elements(body -> 'lines') WITH ORDINALITY AS lines (line, place)
WHERE kind = 'stock.opened';

CREATE TEMP TABLE told_number AS
SELECT hub, epoch, (body -> 'movement')::BIGINT AS movement FROM told
WHERE kind = 'stock.moved'
    OR kind = 'sale.completed' AND body ? 'movement' AND body ->> 'sale' LIKE epoch || '-%';
