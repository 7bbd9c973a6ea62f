-- Who may ask HQ's API.
CREATE TABLE api_key (
    -- Its first characters, by which people know it.
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    -- Separated by commas.
    scopes TEXT COLLATE "C" NOT NULL,
    -- SHA-256 of the whole key.
    digest BYTEA NOT NULL UNIQUE,
    created_at_ms BIGINT NOT NULL,
    last_used_at_ms BIGINT,
    revoked_at_ms BIGINT
);

-- Commands that were done, with their answers.
CREATE TABLE api_answer (
    api_key TEXT COLLATE "C" NOT NULL,
    idempotency_key TEXT COLLATE "C" NOT NULL,
    -- SHA-256 of method, path and body.
    digest BYTEA NOT NULL,
    at_ms BIGINT NOT NULL,
    status BIGINT NOT NULL DEFAULT 0,
    body TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (api_key, idempotency_key)
);

CREATE INDEX api_answer_age ON api_answer (at_ms);

-- What the API looks sales and stock up by.
CREATE INDEX sale_all_of_day ON sale (business_day, hub, sale);
CREATE INDEX sale_receipt ON sale (hub, fiscal_year, register, receipt);
CREATE INDEX sale_customer ON sale (customer, sold_at_ms, hub, sale) WHERE customer IS NOT NULL;
CREATE INDEX stock_item ON stock (sku, hub, unit);

-- Where the feed is carried to.
CREATE TABLE webhook (
    id TEXT COLLATE "C" PRIMARY KEY,
    url TEXT NOT NULL,
    -- Signs its messages.
    secret TEXT NOT NULL,
    -- Separated by commas; all if empty.
    kinds TEXT NOT NULL,
    stores TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    -- Its place in the feed.
    after_transaction BIGINT NOT NULL,
    after_position BIGINT NOT NULL,
    -- Who delivers it, and until when nobody else may.
    owner TEXT COLLATE "C" NOT NULL DEFAULT '',
    leased_until_ms BIGINT NOT NULL DEFAULT 0,
    taken_at_ms BIGINT,
    -- Why the last message was not taken.
    failing TEXT
);

-- Messages that were not taken: they are sent again, or are dead letters.
CREATE TABLE webhook_message (
    webhook TEXT COLLATE "C" NOT NULL,
    message TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    body TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at_ms BIGINT NOT NULL,
    is_dead BIGINT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (webhook, message)
);

CREATE INDEX webhook_message_due ON webhook_message (webhook, is_dead, next_at_ms);
