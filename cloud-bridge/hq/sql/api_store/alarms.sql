SELECT hub, kind, subject, what, first_at_ms, last_at_ms, times
FROM alarm
WHERE (hub, kind, subject) > ($1, $2, $3)
ORDER BY hub, kind, subject
LIMIT $4
