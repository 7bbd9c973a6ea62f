SELECT kind, version, made_at_ms, effective, records FROM publication
ORDER BY made_at_ms DESC, kind, version DESC LIMIT $1
