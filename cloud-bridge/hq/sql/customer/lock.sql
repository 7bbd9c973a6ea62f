SELECT profile, merged_into, erased_at_ms
FROM customer
WHERE customer = $1
