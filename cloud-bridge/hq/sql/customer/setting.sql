SELECT body, at_ms
FROM store_setting
WHERE name = $1
