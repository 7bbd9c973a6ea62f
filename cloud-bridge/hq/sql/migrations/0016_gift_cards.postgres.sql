-- Gift cards and store credit: where the money of each card is.
CREATE TABLE gift_card (
    card TEXT COLLATE "C" PRIMARY KEY,
    kind TEXT NOT NULL,
    currency TEXT NOT NULL,
    -- What HQ loaded and released, less what it redeemed.
    own BIGINT NOT NULL,
    pin TEXT,
    blocked TEXT,
    created_at_ms BIGINT NOT NULL
);
-- The totals of each hub and epoch.
CREATE TABLE gift_card_hub (
    card TEXT COLLATE "C" NOT NULL,
    hub TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    loaded BIGINT NOT NULL,
    granted BIGINT NOT NULL,
    spent BIGINT NOT NULL,
    returned BIGINT NOT NULL,
    recalled_at_ms BIGINT NOT NULL,
    PRIMARY KEY (card, hub, epoch)
);
-- What happened. The movements of HQ itself have no hub, epoch 0, and count by card.
CREATE TABLE gift_card_movement (
    card TEXT COLLATE "C" NOT NULL,
    hub TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    movement TEXT NOT NULL,
    amount BIGINT NOT NULL,
    reference TEXT,
    actor TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (card, hub, epoch, sequence)
);
