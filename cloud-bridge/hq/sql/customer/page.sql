SELECT customer, profile
FROM customer
WHERE customer > $1 AND profile IS NOT NULL
ORDER BY customer
LIMIT $2
