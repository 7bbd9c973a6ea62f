SELECT body FROM location WHERE id > $1 ORDER BY id LIMIT $2
