SELECT hub, epoch, sequence, movement, amount, reference, actor, at_ms
FROM gift_card_movement
WHERE card = $1
ORDER BY at_ms, hub, epoch, sequence
LIMIT 1000
