INSERT INTO gift_card (card, kind, currency, own, pin, created_at_ms)
VALUES ($1, $2, $3, 0, $4, $5)
ON CONFLICT (card) DO NOTHING
