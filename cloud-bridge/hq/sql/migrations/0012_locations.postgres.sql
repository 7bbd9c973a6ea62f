-- Locations, and whether a hub serves them. `body` is JSON; see `locations/record.rs`.
CREATE TABLE location (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    body TEXT NOT NULL,
    changed_ms BIGINT NOT NULL
);

-- Claims: the rights to become the hub of a location.
CREATE TABLE location_claim (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    location TEXT COLLATE "C" NOT NULL,
    issued_ms BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX location_claim_of ON location_claim (location, issued_ms);

-- Certificates of hubs, by serial number.
CREATE TABLE hub_identity (
    serial TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    location TEXT COLLATE "C" NOT NULL,
    state TEXT NOT NULL,
    not_after_ms BIGINT NOT NULL,
    issued_ms BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX hub_identity_of ON hub_identity (location, issued_ms);

-- Who did what with locations and identities.
CREATE TABLE location_act (
    at_ms BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    location TEXT COLLATE "C" NOT NULL,
    act TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (at_ms, id)
);
