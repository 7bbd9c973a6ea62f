SELECT w.id, w.url, w.kinds, w.stores, w.created_at_ms,
    (SELECT COUNT(*) FROM webhook_message m WHERE m.webhook = w.id AND m.is_dead = 0),
    (SELECT COUNT(*) FROM webhook_message m WHERE m.webhook = w.id AND m.is_dead = 1),
    w.taken_at_ms, w.failing
FROM webhook w
ORDER BY w.created_at_ms, w.id
