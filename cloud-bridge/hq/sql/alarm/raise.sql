INSERT INTO alarm (
    hub, kind, subject, what, first_at_ms, last_at_ms, times
) VALUES (
    $1, $2, $3, $4, $5, $6, $7
)
ON CONFLICT (hub, kind, subject) DO UPDATE SET
    what = excluded.what, last_at_ms = excluded.last_at_ms, times = alarm.times + 1
