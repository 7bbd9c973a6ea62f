-- Which worker of HQ's serves which hubs. Moments are the database's: milliseconds since 1970, UTC.
CREATE TABLE shard (
    id BIGINT PRIMARY KEY,
    owner TEXT COLLATE "C" NOT NULL,
    lease_until_ms BIGINT NOT NULL,
    -- Grows with each owner: what an owner before writes is refused by it.
    fence BIGINT NOT NULL
);

INSERT INTO shard (id, owner, lease_until_ms, fence)
SELECT id, '', 0, 0 FROM generate_series(0, 63) AS number (id);

-- Workers that want shards, until when.
CREATE TABLE worker (
    name TEXT COLLATE "C" PRIMARY KEY,
    until_ms BIGINT NOT NULL
);
