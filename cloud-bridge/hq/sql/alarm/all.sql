SELECT hub, kind, subject, what, first_at_ms, last_at_ms, times
FROM alarm
ORDER BY hub, kind, subject
