UPDATE webhook SET after_transaction = $1, after_position = $2, taken_at_ms = COALESCE($3, taken_at_ms), failing = $4
WHERE id = $5 AND owner = $6
