SELECT name, hub FROM hub_group ORDER BY name, hub
