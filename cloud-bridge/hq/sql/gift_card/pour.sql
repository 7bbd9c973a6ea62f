UPDATE gift_card SET pours_into = $1 WHERE card = $2
