SELECT body FROM location_claim WHERE location = $1 ORDER BY issued_ms DESC, id DESC LIMIT 1
