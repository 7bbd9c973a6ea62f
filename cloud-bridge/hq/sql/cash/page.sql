SELECT
    told.hub, told.business_day, told.currency, told.shift, told.kind,
    CAST(SUM(told.book) AS BIGINT), CAST(SUM(told.told) AS BIGINT),
    MIN(result.till), MIN(result.closed_at_ms), MIN(result.expected), MIN(result.counted), MIN(result.difference)
FROM (
    SELECT hub, business_day, currency, shift, kind, amount AS book, 0 AS told
    FROM shift_book
    WHERE (hub, business_day, currency, shift, kind) > ($1, $2, $3, $4, $5)
    UNION ALL
    SELECT hub, business_day, currency, shift, kind, 0, amount
    FROM shift_tender
    WHERE (hub, business_day, currency, shift, kind) > ($1, $2, $3, $4, $5)
    UNION ALL
    SELECT hub, business_day, currency, shift, '', 0, 0
    FROM shift_result
    WHERE (hub, business_day, currency, shift, '') > ($1, $2, $3, $4, $5)
) told
LEFT JOIN shift_result result USING (hub, business_day, currency, shift)
GROUP BY told.hub, told.business_day, told.currency, told.shift, told.kind
ORDER BY told.hub, told.business_day, told.currency, told.shift, told.kind
LIMIT $6
