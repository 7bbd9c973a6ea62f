INSERT INTO alarm (
    hub, kind, subject, what, first_at_ms, last_at_ms, times
)
SELECT * FROM unnest(
    $1::TEXT[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::BIGINT[], $6::BIGINT[], $7::BIGINT[]
)
ON CONFLICT (hub, kind, subject) DO UPDATE SET
    what = excluded.what, last_at_ms = excluded.last_at_ms, times = alarm.times + 1
