INSERT INTO customer (customer, profile, merged_into, erased_at_ms, changed_at_ms)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (customer) DO UPDATE SET
    profile = excluded.profile, merged_into = excluded.merged_into, erased_at_ms = excluded.erased_at_ms,
    changed_at_ms = excluded.changed_at_ms
