SELECT body FROM hub_identity WHERE location = $1 ORDER BY issued_ms, serial
