UPDATE queue
SET number = $1, acknowledged = $2, taken = $3, life = $4,
    applied = applied + $5, refused = refused + $6, lost = lost + $7
WHERE hub = $8 AND stream = $9
