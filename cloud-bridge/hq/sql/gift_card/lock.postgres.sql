SELECT kind, currency, own, pin, blocked
FROM gift_card
WHERE card = $1
FOR UPDATE
