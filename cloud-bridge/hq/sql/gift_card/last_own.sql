SELECT COALESCE(MAX(sequence), 0)
FROM gift_card_movement
WHERE card = $1 AND hub = ''
