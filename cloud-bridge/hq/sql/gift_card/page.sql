SELECT card.card, card.kind, card.currency, card.own, card.pin, card.blocked, card.created_at_ms,
    CAST(COALESCE(SUM(held.loaded - held.spent), 0) AS BIGINT),
    CAST(COALESCE(SUM(held.granted - held.returned), 0) AS BIGINT)
FROM gift_card AS card
LEFT JOIN gift_card_hub AS held ON held.card = card.card
WHERE card.card > $1
GROUP BY card.card, card.kind, card.currency, card.own, card.pin, card.blocked, card.created_at_ms
ORDER BY card.card
LIMIT $2
