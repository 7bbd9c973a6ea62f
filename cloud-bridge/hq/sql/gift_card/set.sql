UPDATE gift_card SET own = $1, pin = $2, blocked = $3
WHERE card = $4
