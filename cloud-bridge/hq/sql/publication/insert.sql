INSERT INTO publication (kind, version, made_at_ms, effective, manifest, bytes, records)
VALUES ($1, $2, $3, $4, $5, $6, $7)
