INSERT INTO sale_card (card, hub, sale)
SELECT * FROM unnest($1::TEXT[], $2::TEXT[], $3::TEXT[])
ON CONFLICT (card, hub, sale) DO NOTHING
