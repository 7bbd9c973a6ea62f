-- Every projection, computed from what the events say: `made_` and the table's name. Then what else must hold: name,
-- rows there, rows that should not be there, rows that are missing.

CREATE TEMP TABLE made_sale AS
SELECT hub, sale, epoch, stream, sequence, reference, register, operator, receipt, fiscal_year, business_day,
    sold_at_ms, customer, currency, regular, discount, net, manufacturer_coupon, tendered, change, movement
FROM told_sale WHERE nth = 1;

CREATE TEMP TABLE made_sale_line AS
SELECT line.hub, line.business_day, line.sale, place, number, sku, gtin, on_file, description, quantity_milli, unit,
    line.regular, line.net
FROM told_line AS line JOIN made_sale AS made USING (hub, epoch, stream, sequence);

CREATE TEMP TABLE made_sale_tender AS
SELECT tender.hub, tender.sale, place, kind, amount, scheme
FROM told_tender AS tender JOIN made_sale AS made USING (hub, epoch, stream, sequence);

CREATE TEMP TABLE made_day AS
SELECT hub, business_day, currency, CAST(COUNT(*) AS BIGINT) AS sales, CAST(SUM(lines) AS BIGINT) AS lines,
    CAST(SUM(regular) AS BIGINT) AS regular, CAST(SUM(discount) AS BIGINT) AS discount, CAST(SUM(net) AS BIGINT) AS net,
    CAST(SUM(manufacturer_coupon) AS BIGINT) AS manufacturer_coupon
FROM made_sale
JOIN (SELECT hub AS of_hub, sale AS of_sale, COUNT(*) AS lines FROM made_sale_line GROUP BY hub, sale) AS counted
    ON of_hub = hub AND of_sale = sale
GROUP BY hub, business_day, currency;

CREATE TEMP TABLE made_day_tender AS
SELECT hub, business_day, currency, kind, CAST(SUM(tenders) AS BIGINT) AS tenders, CAST(SUM(amount) AS BIGINT) AS amount
FROM (
    SELECT made.hub, business_day, currency, kind, 1 AS tenders, amount
    FROM made_sale_tender AS tender JOIN made_sale AS made ON made.hub = tender.hub AND made.sale = tender.sale
    UNION ALL
    SELECT hub, business_day, currency, 'cash', 0, -change FROM made_sale WHERE change <> 0
) AS parts
GROUP BY hub, business_day, currency, kind;

CREATE TEMP TABLE made_stock AS
SELECT hub, epoch, sku, unit,
    CAST(SUM(CASE state WHEN 'on_hand' THEN milli ELSE 0 END) AS BIGINT) AS on_hand,
    CAST(SUM(CASE state WHEN 'reserved' THEN milli ELSE 0 END) AS BIGINT) AS reserved,
    CAST(SUM(CASE state WHEN 'in_transit' THEN milli ELSE 0 END) AS BIGINT) AS in_transit,
    CAST(SUM(CASE state WHEN 'quarantined' THEN milli ELSE 0 END) AS BIGINT) AS quarantined,
    CAST(SUM(CASE state WHEN 'damaged' THEN milli ELSE 0 END) AS BIGINT) AS damaged
FROM (
    SELECT hub, epoch, sku, unit, from_state AS state, -milli AS milli FROM told_moved WHERE from_state IS NOT NULL
    UNION ALL
    SELECT hub, epoch, sku, unit, to_state, milli FROM told_moved WHERE to_state IS NOT NULL
) AS sides
GROUP BY hub, epoch, sku, unit;

CREATE TEMP TABLE made_epoch_start AS
SELECT hub, epoch, MIN(movement) AS first_movement FROM told_number GROUP BY hub, epoch;

-- References of transfers are `SENDER/NUMBER`, and these stores have names of seven letters.
CREATE TEMP TABLE made_transfer_half AS
SELECT substr(reference, 1, 7) AS sender, substr(reference, 9) AS transfer, sku, unit, hub, epoch, movement, place,
    kind, at_ms, milli AS quantity_milli
FROM told_moved
WHERE kind IN ('transfer_out', 'transfer_in', 'arrival', 'shortfall') AND reference LIKE 'store-_/%'
    AND (kind = 'transfer_in' OR substr(reference, 1, 7) = hub);

-- A stream is stored in its order, from its first event, without a gap, up to its cursor.
SELECT 'order', (SELECT COUNT(*) FROM event),
    (SELECT COUNT(*) FROM (SELECT position, sequence,
        LAG(position) OVER (PARTITION BY hub, epoch, stream ORDER BY sequence) AS before,
        row_number() OVER (PARTITION BY hub, epoch, stream ORDER BY sequence) AS nth
        FROM event) AS event WHERE before >= position OR nth <> sequence),
    (SELECT COUNT(*) FROM hub_cursor WHERE up_to <> (SELECT COUNT(*) FROM event
        WHERE event.hub = hub_cursor.hub AND event.epoch = hub_cursor.epoch AND event.stream = hub_cursor.stream));

-- Nothing may be in these.
SELECT 'quarantine', 0, (SELECT COUNT(*) FROM quarantine), 0;
SELECT 'alarm', 0, (SELECT COUNT(*) FROM alarm), 0;
SELECT 'told_position', 0, (SELECT COUNT(*) FROM told_position), 0;
