INSERT INTO customer_key (key, customer)
VALUES ($1, $2)
ON CONFLICT (key, customer) DO NOTHING
