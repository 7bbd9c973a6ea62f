SELECT hub FROM hub_group WHERE name = $1 ORDER BY hub
