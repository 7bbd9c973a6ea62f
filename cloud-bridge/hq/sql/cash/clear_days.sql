DELETE FROM store_day
