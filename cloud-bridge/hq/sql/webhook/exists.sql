SELECT id FROM webhook WHERE id = $1
