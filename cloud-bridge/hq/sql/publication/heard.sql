UPDATE publication_target SET state = $1, since_ms = $2, why = $3, heard_at_ms = $4
WHERE kind = $5 AND version = $6 AND hub = $7
