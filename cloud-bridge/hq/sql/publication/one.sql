SELECT kind, version, made_at_ms, effective, records FROM publication WHERE kind = $1 AND version = $2
