INSERT INTO gift_card_movement (card, hub, epoch, sequence, movement, amount, reference, actor, at_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (card, hub, epoch, sequence) DO NOTHING
