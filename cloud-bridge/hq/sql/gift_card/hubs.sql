SELECT hub, epoch, loaded, granted, spent, returned, recalled_at_ms
FROM gift_card_hub
WHERE card = $1
ORDER BY hub, epoch
