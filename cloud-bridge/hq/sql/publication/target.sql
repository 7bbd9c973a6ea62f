INSERT INTO publication_target (kind, version, hub, announcement) VALUES ($1, $2, $3, $4)
