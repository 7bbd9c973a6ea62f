INSERT INTO warranty_registration (sku, serial, customer, at_ms)
VALUES ($1, $2, $3, $4)
ON CONFLICT (sku, serial) DO NOTHING
