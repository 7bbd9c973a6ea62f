-- Locations, and whether a hub serves them. `body` is JSON; see `locations/record.rs`.
CREATE TABLE location (
    id TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    body TEXT NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Claims: the rights to become the hub of a location.
CREATE TABLE location_claim (
    id TEXT NOT NULL PRIMARY KEY,
    location TEXT NOT NULL,
    issued_ms INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX location_claim_of ON location_claim (location, issued_ms);

-- Certificates of hubs, by serial number.
CREATE TABLE hub_identity (
    serial TEXT NOT NULL PRIMARY KEY,
    location TEXT NOT NULL,
    state TEXT NOT NULL,
    not_after_ms INTEGER NOT NULL,
    issued_ms INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX hub_identity_of ON hub_identity (location, issued_ms);

-- Who did what with locations and identities.
CREATE TABLE location_act (
    at_ms INTEGER NOT NULL,
    id TEXT NOT NULL,
    location TEXT NOT NULL,
    act TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (at_ms, id)
) STRICT, WITHOUT ROWID;
