SELECT body FROM store_profile ORDER BY hub
