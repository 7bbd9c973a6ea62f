SELECT customer, at_ms FROM warranty_registration WHERE sku = $1 AND serial = $2
