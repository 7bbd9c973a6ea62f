SELECT hub FROM hub WHERE hub = $1
