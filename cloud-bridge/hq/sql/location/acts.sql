SELECT at_ms, location, act, detail FROM location_act WHERE location = $1 ORDER BY at_ms, id
