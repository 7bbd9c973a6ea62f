UPDATE queue_item SET kind = 'customer.gone', body = $1
WHERE stream = 'customers' AND kind = 'customer.told' AND body LIKE $2
