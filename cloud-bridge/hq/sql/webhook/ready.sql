SELECT w.id
FROM webhook w
WHERE (
        (w.after_transaction, w.after_position) < ($1, $2)
        OR EXISTS (
            SELECT 1 FROM webhook_message m WHERE m.webhook = w.id AND m.is_dead = 0 AND m.next_at_ms <= $3
        )
    )
    AND (w.owner = $4 OR w.leased_until_ms < $3)
ORDER BY w.id
