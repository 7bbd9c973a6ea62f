UPDATE webhook SET owner = $1, leased_until_ms = $2
WHERE id = $3 AND (owner = $1 OR leased_until_ms < $4)
