SELECT body FROM order_policy WHERE id = 1
