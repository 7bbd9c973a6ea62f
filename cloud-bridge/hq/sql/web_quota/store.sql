INSERT INTO web_quota (
    hub, sku, unit, epoch, as_of_ms, granted, spent, recalled, returned, refused
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
)
ON CONFLICT (hub, sku, unit) DO UPDATE SET
    epoch = excluded.epoch, as_of_ms = excluded.as_of_ms, granted = excluded.granted, spent = excluded.spent,
    recalled = excluded.recalled, returned = excluded.returned, refused = excluded.refused
