UPDATE publication_target SET state = $1, since_ms = $2, why = $3, heard_at_ms = $4, epoch = $5, revision = $6
WHERE kind = $7 AND version = $8 AND hub = $9
AND (epoch IS NULL OR epoch < $5 OR (epoch = $5 AND revision <= $6))
