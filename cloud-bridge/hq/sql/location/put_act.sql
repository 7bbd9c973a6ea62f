INSERT INTO location_act (at_ms, id, location, act, detail) VALUES ($1, $2, $3, $4, $5)
