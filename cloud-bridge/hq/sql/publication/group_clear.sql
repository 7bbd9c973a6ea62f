DELETE FROM hub_group WHERE name = $1
