-- What HQ published.
CREATE TABLE publication (
    kind TEXT NOT NULL,
    version BIGINT NOT NULL,
    -- By HQ's clock: milliseconds since 1970, UTC.
    made_at_ms BIGINT NOT NULL,
    -- From when it counts, as JSON.
    effective TEXT NOT NULL,
    -- The manifest's name, and its size in bytes.
    manifest TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    records BIGINT NOT NULL,
    PRIMARY KEY (kind, version)
);

-- Which hub is to have it, and how it is there.
CREATE TABLE publication_target (
    kind TEXT NOT NULL,
    version BIGINT NOT NULL,
    hub TEXT NOT NULL,
    -- As it is announced: signed JSON.
    announcement TEXT NOT NULL,
    -- What the hub said last; nothing before it has spoken.
    state TEXT,
    since_ms BIGINT,
    why TEXT,
    heard_at_ms BIGINT,
    -- The order of what the hub says.
    epoch BIGINT,
    revision BIGINT,
    PRIMARY KEY (kind, hub, version)
);

-- Hubs that are named together.
CREATE TABLE hub_group (
    name TEXT NOT NULL,
    hub TEXT NOT NULL,
    PRIMARY KEY (name, hub)
);
