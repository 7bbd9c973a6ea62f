SELECT body FROM location WHERE id = $1
