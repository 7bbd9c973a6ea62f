SELECT body FROM hub_identity WHERE state = 'revoked' AND not_after_ms > $1 ORDER BY serial
