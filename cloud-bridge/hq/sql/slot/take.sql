INSERT INTO pickup_slot (hub, from_ms, taken) VALUES ($1, $2, 1)
ON CONFLICT (hub, from_ms) DO UPDATE SET taken = pickup_slot.taken + 1
WHERE pickup_slot.taken < $3
