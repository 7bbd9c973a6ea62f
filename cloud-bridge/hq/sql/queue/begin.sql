INSERT INTO queue (hub, stream, number, acknowledged, taken, last, applied, refused, lost)
VALUES ($1, $2, $3, 0, 0, 0, 0, 0, 0)
ON CONFLICT (hub, stream) DO NOTHING
