-- What HQ published.
CREATE TABLE publication (
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    -- By HQ's clock: milliseconds since 1970, UTC.
    made_at_ms INTEGER NOT NULL,
    -- From when it counts, as JSON.
    effective TEXT NOT NULL,
    -- The manifest's name, and its size in bytes.
    manifest TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    records INTEGER NOT NULL,
    PRIMARY KEY (kind, version)
) STRICT, WITHOUT ROWID;

-- Which hub is to have it, and how it is there.
CREATE TABLE publication_target (
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    hub TEXT NOT NULL,
    -- As it is announced: signed JSON.
    announcement TEXT NOT NULL,
    -- What the hub said last; nothing before it has spoken.
    state TEXT,
    since_ms INTEGER,
    why TEXT,
    heard_at_ms INTEGER,
    -- The order of what the hub says.
    epoch INTEGER,
    revision INTEGER,
    PRIMARY KEY (kind, hub, version)
) STRICT, WITHOUT ROWID;

-- Hubs that are named together.
CREATE TABLE hub_group (
    name TEXT NOT NULL,
    hub TEXT NOT NULL,
    PRIMARY KEY (name, hub)
) STRICT, WITHOUT ROWID;
