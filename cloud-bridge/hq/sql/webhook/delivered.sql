SELECT url, secret, kinds, stores, after_transaction, after_position, failing FROM webhook WHERE id = $1
