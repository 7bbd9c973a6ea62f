INSERT INTO web_quota (
    hub, sku, unit, epoch, as_of_ms, granted, spent, recalled, returned, refused
)
SELECT * FROM unnest(
    $1::TEXT[], $2::TEXT[], $3::TEXT[], $4::BIGINT[], $5::BIGINT[], $6::BIGINT[], $7::BIGINT[], $8::BIGINT[],
    $9::BIGINT[], $10::BIGINT[]
)
ON CONFLICT (hub, sku, unit) DO UPDATE SET
    epoch = excluded.epoch, as_of_ms = excluded.as_of_ms, granted = excluded.granted, spent = excluded.spent,
    recalled = excluded.recalled, returned = excluded.returned, refused = excluded.refused
