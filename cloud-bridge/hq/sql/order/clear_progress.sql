DELETE FROM order_progress
