SELECT COALESCE(MAX(version), 0) FROM publication WHERE kind = $1
