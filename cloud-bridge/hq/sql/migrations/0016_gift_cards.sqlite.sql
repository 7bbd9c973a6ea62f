-- Gift cards and store credit: where the money of each card is.
CREATE TABLE gift_card (
    card TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    currency TEXT NOT NULL,
    -- What HQ loaded and released, less what it redeemed.
    own INTEGER NOT NULL,
    pin TEXT,
    blocked TEXT,
    created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- The totals of each hub and epoch.
CREATE TABLE gift_card_hub (
    card TEXT NOT NULL,
    hub TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    loaded INTEGER NOT NULL,
    granted INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    returned INTEGER NOT NULL,
    recalled_at_ms INTEGER NOT NULL,
    PRIMARY KEY (card, hub, epoch)
) STRICT, WITHOUT ROWID;
-- What happened. The movements of HQ itself have no hub, epoch 0, and count by card.
CREATE TABLE gift_card_movement (
    card TEXT NOT NULL,
    hub TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    movement TEXT NOT NULL,
    amount INTEGER NOT NULL,
    reference TEXT,
    actor TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (card, hub, epoch, sequence)
) STRICT, WITHOUT ROWID;
