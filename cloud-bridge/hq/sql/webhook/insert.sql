INSERT INTO webhook (id, url, secret, kinds, stores, created_at_ms, after_transaction, after_position)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
