SELECT body FROM store_profile WHERE hub = $1
