SELECT * FROM (
    SELECT * FROM (
        SELECT
            stock.hub, stock.epoch, stock.sku, stock.unit,
            COALESCE(told.on_hand, stock.on_hand) AS on_hand,
            COALESCE(told.reserved, stock.reserved) AS reserved,
            COALESCE(told.in_transit, stock.in_transit) AS in_transit,
            COALESCE(told.quarantined, stock.quarantined) AS quarantined,
            COALESCE(told.damaged, stock.damaged) AS damaged,
            told.told_at_ms
        FROM stock
        LEFT JOIN told_position AS told
            ON told.hub = stock.hub AND told.epoch = stock.epoch AND told.sku = stock.sku AND told.unit = stock.unit
        WHERE (stock.hub, stock.epoch, stock.sku, stock.unit) > ($1, $2, $3, $4)
        ORDER BY stock.hub, stock.epoch, stock.sku, stock.unit
        LIMIT $5
    ) AS summed
    UNION ALL
    SELECT * FROM (
        SELECT
            told.hub, told.epoch, told.sku, told.unit, told.on_hand, told.reserved, told.in_transit, told.quarantined,
            told.damaged, told.told_at_ms
        FROM told_position AS told
        WHERE (told.hub, told.epoch, told.sku, told.unit) > ($1, $2, $3, $4)
            AND NOT EXISTS (
                SELECT 1 FROM stock
                WHERE told.hub = stock.hub AND told.epoch = stock.epoch AND told.sku = stock.sku
                    AND told.unit = stock.unit
            )
        ORDER BY told.hub, told.epoch, told.sku, told.unit
        LIMIT $5
    ) AS only_told
) AS shown
ORDER BY hub, epoch, sku, unit
LIMIT $5
