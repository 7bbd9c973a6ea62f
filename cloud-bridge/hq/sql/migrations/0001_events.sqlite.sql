-- What hubs sent, as they sent it.
CREATE TABLE event (
    -- The order of the feed: it is that of commits, because there is one writer.
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    hub TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    stream TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    kind TEXT NOT NULL,
    -- By the hub's clock and by HQ's: milliseconds since 1970, UTC.
    occurred_at_ms INTEGER NOT NULL,
    received_at_ms INTEGER NOT NULL,
    body TEXT NOT NULL,
    -- SHA-256 of the body.
    digest BLOB NOT NULL,
    UNIQUE (hub, epoch, stream, sequence)
) STRICT;

-- How far each stream is.
CREATE TABLE hub_cursor (
    hub TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    stream TEXT NOT NULL,
    up_to INTEGER NOT NULL,
    -- The link that the hub gave with the event at the cursor.
    link BLOB,
    -- While a hub is asked to send again: how far it has come. Acknowledgements name this instead of the cursor.
    replayed_to INTEGER,
    -- Of the event at the cursor, by the hub's clock and by HQ's.
    occurred_at_ms INTEGER,
    received_at_ms INTEGER,
    PRIMARY KEY (hub, epoch, stream)
) STRICT, WITHOUT ROWID;

-- What hubs said of themselves when they last said hello.
CREATE TABLE hub (
    hub TEXT PRIMARY KEY,
    -- The latest epoch in which it spoke.
    epoch INTEGER NOT NULL,
    software TEXT NOT NULL,
    -- Why its store has stopped for good, if it has.
    stopped TEXT,
    heard_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE hub_stream (
    hub TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    stream TEXT NOT NULL,
    first_kept INTEGER NOT NULL,
    last INTEGER NOT NULL,
    heard_at_ms INTEGER NOT NULL,
    PRIMARY KEY (hub, epoch, stream)
) STRICT, WITHOUT ROWID;

-- What a person must look into.
CREATE TABLE alarm (
    hub TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- What it is about: a stream, an epoch.
    subject TEXT NOT NULL,
    what TEXT NOT NULL,
    first_at_ms INTEGER NOT NULL,
    last_at_ms INTEGER NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (hub, kind, subject)
) STRICT, WITHOUT ROWID;
