INSERT INTO hub_cursor (hub, epoch, stream, up_to) VALUES ($1, $2, $3, $4)
ON CONFLICT (hub, epoch, stream) DO NOTHING
