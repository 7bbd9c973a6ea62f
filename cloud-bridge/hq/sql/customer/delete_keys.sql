DELETE FROM customer_key WHERE customer = $1
