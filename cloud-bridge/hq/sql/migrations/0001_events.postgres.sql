-- What hubs sent, as they sent it.
CREATE TABLE event (
    -- The order of the feed: by transaction, and within it by position. Positions are given before a commit: whoever
    -- reads the feed reads transactions below pg_snapshot_xmin(pg_current_snapshot()) alone, and so passes over none.
    -- It is pg_current_xact_id() and what feed_offset adds.
    transaction_id BIGINT NOT NULL,
    position BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY,
    hub TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    -- By the hub's clock and by HQ's: milliseconds since 1970, UTC.
    occurred_at_ms BIGINT NOT NULL,
    received_at_ms BIGINT NOT NULL,
    body TEXT NOT NULL,
    -- SHA-256 of the body.
    digest BYTEA NOT NULL,
    PRIMARY KEY (hub, epoch, stream, sequence)
);

CREATE INDEX event_feed ON event (transaction_id, position);

-- What is added to the server's transaction numbers, in one row. A database that was restored on another server, whose
-- numbers are lower, goes on above those that its events have.
CREATE TABLE feed_offset (transactions BIGINT NOT NULL);
INSERT INTO feed_offset (transactions) VALUES (0);

-- How far each stream is.
CREATE TABLE hub_cursor (
    hub TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    up_to BIGINT NOT NULL,
    -- The link that the hub gave with the event at the cursor.
    link BYTEA,
    -- While a hub is asked to send again: how far it has come. Acknowledgements name this instead of the cursor.
    replayed_to BIGINT,
    -- Of the event at the cursor, by the hub's clock and by HQ's.
    occurred_at_ms BIGINT,
    received_at_ms BIGINT,
    PRIMARY KEY (hub, epoch, stream)
);

-- What hubs said of themselves when they last said hello.
CREATE TABLE hub (
    hub TEXT COLLATE "C" PRIMARY KEY,
    -- The latest epoch in which it spoke.
    epoch BIGINT NOT NULL,
    software TEXT NOT NULL,
    -- Why its store has stopped for good, if it has.
    stopped TEXT,
    heard_at_ms BIGINT NOT NULL
);

CREATE TABLE hub_stream (
    hub TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    first_kept BIGINT NOT NULL,
    last BIGINT NOT NULL,
    heard_at_ms BIGINT NOT NULL,
    PRIMARY KEY (hub, epoch, stream)
);

-- What a person must look into.
CREATE TABLE alarm (
    hub TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    -- What it is about: a stream, an epoch.
    subject TEXT COLLATE "C" NOT NULL,
    what TEXT NOT NULL,
    first_at_ms BIGINT NOT NULL,
    last_at_ms BIGINT NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (hub, kind, subject)
);
