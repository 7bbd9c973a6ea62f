SELECT at_ms, movement, amount
FROM gift_card_movement
WHERE card = $1
ORDER BY at_ms, hub, epoch, sequence
