-- Which worker of HQ's serves which hubs. Moments are the database's: milliseconds since 1970, UTC.
CREATE TABLE shard (
    id INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    lease_until_ms INTEGER NOT NULL,
    -- Grows with each owner: what an owner before writes is refused by it.
    fence INTEGER NOT NULL
) STRICT;

INSERT INTO shard (id, owner, lease_until_ms, fence)
WITH RECURSIVE number (id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM number WHERE id < 63)
SELECT id, '', 0, 0 FROM number;

-- Workers that want shards, until when.
CREATE TABLE worker (
    name TEXT PRIMARY KEY,
    until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
