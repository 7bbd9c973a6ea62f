UPDATE order_part SET is_refused = 1
WHERE part = $1 AND number = (SELECT o.number FROM placed_order o WHERE o.order_id = $2)
