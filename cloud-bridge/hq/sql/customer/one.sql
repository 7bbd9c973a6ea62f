SELECT profile
FROM customer
WHERE customer = $1
