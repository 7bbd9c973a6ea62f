SELECT customer
FROM customer
WHERE merged_into = $1
ORDER BY customer
