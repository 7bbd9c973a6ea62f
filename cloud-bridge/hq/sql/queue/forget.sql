DELETE FROM queue_item WHERE hub = $1 AND stream = $2 AND place <= $3
