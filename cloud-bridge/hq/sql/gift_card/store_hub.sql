INSERT INTO gift_card_hub (card, hub, epoch, loaded, granted, spent, returned, recalled_at_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (card, hub, epoch) DO UPDATE SET
    loaded = excluded.loaded, granted = excluded.granted, spent = excluded.spent, returned = excluded.returned,
    recalled_at_ms = excluded.recalled_at_ms
