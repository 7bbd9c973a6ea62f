DELETE FROM coupon_use
