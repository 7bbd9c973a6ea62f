-- Customers. A profile is the only link from an id to a person; events hold the id alone.
CREATE TABLE customer (
    customer TEXT PRIMARY KEY,
    -- As `commerce::customer::Profile` is written in JSON; none if it was merged or erased.
    profile TEXT,
    merged_into TEXT,
    erased_at_ms INTEGER,
    changed_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX customer_alias ON customer (merged_into) WHERE merged_into IS NOT NULL;

-- What customers are looked up by.
CREATE TABLE customer_key (
    key TEXT NOT NULL,
    customer TEXT NOT NULL,
    PRIMARY KEY (key, customer)
) STRICT, WITHOUT ROWID;
CREATE INDEX customer_key_customer ON customer_key (customer);

-- What is published to every store as a whole: the loyalty programme, for one.
CREATE TABLE store_setting (
    name TEXT PRIMARY KEY,
    body TEXT,
    at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The account into which the money of another one moves as it becomes free: of a customer who was merged.
ALTER TABLE gift_card ADD COLUMN pours_into TEXT;
