SELECT pours_into FROM gift_card WHERE card = $1
