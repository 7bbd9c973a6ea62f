-- Who may ask HQ's API.
CREATE TABLE api_key (
    -- Its first characters, by which people know it.
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    -- Separated by commas.
    scopes TEXT NOT NULL,
    -- SHA-256 of the whole key.
    digest BLOB NOT NULL UNIQUE,
    created_at_ms INTEGER NOT NULL,
    last_used_at_ms INTEGER,
    revoked_at_ms INTEGER
) STRICT, WITHOUT ROWID;

-- Commands that were done, with their answers.
CREATE TABLE api_answer (
    api_key TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    -- SHA-256 of method, path and body.
    digest BLOB NOT NULL,
    at_ms INTEGER NOT NULL,
    status INTEGER NOT NULL DEFAULT 0,
    body TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (api_key, idempotency_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX api_answer_age ON api_answer (at_ms);

-- What the API looks sales and stock up by.
CREATE INDEX sale_all_of_day ON sale (business_day, hub, sale);
CREATE INDEX sale_receipt ON sale (hub, fiscal_year, register, receipt);
CREATE INDEX sale_customer ON sale (customer, sold_at_ms, hub, sale) WHERE customer IS NOT NULL;
CREATE INDEX stock_item ON stock (sku, hub, unit);

-- Where the feed is carried to.
CREATE TABLE webhook (
    id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    -- Signs its messages.
    secret TEXT NOT NULL,
    -- Separated by commas; all if empty.
    kinds TEXT NOT NULL,
    stores TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    -- Its place in the feed.
    after_transaction INTEGER NOT NULL,
    after_position INTEGER NOT NULL,
    -- Who delivers it, and until when nobody else may.
    owner TEXT NOT NULL DEFAULT '',
    leased_until_ms INTEGER NOT NULL DEFAULT 0,
    taken_at_ms INTEGER,
    -- Why the last message was not taken.
    failing TEXT
) STRICT, WITHOUT ROWID;

-- Messages that were not taken: they are sent again, or are dead letters.
CREATE TABLE webhook_message (
    webhook TEXT NOT NULL,
    message TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at_ms INTEGER NOT NULL,
    is_dead INTEGER NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (webhook, message)
) STRICT;

CREATE INDEX webhook_message_due ON webhook_message (webhook, is_dead, next_at_ms);
