SELECT hub, state, since_ms, why, heard_at_ms FROM publication_target WHERE kind = $1 AND version = $2 ORDER BY hub
