UPDATE placed_order SET events = $1 WHERE number = $2
