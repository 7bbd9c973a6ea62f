SELECT manifest, bytes FROM publication WHERE kind = $1 AND version = $2
