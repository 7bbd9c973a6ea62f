SELECT hub, COUNT(*) FROM order_part WHERE is_open = 1 GROUP BY hub
