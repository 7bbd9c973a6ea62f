INSERT INTO hub_group (name, hub) SELECT * FROM unnest($1::text[], $2::text[])
