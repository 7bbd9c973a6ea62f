INSERT INTO hub_group (name, hub) VALUES ($1, $2)
