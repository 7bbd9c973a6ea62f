INSERT INTO sale_card (card, hub, sale) VALUES ($1, $2, $3)
ON CONFLICT (card, hub, sale) DO NOTHING
