DELETE FROM told_position
WHERE hub = $1 AND epoch < $2
