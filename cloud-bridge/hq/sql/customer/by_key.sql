SELECT DISTINCT customer
FROM customer_key
WHERE key >= $1 AND key < $2
ORDER BY customer
LIMIT $3
