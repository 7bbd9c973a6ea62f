-- What HQ sends down.

-- A queue for a hub and stream. Items have places, which only grow; a sequence is what a place is in the queue's
-- present number: `acknowledged` is that of the place `taken`.
CREATE TABLE queue (
    hub TEXT NOT NULL,
    stream TEXT NOT NULL,
    -- Its number, by which it is told from the one before it.
    number INTEGER NOT NULL,
    -- The hub has everything up to here.
    acknowledged INTEGER NOT NULL,
    taken INTEGER NOT NULL,
    -- The place of the last item.
    last INTEGER NOT NULL,
    -- The newest life of the hub's store that was heard of.
    life INTEGER,
    -- What became of its items, since the first.
    applied INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    PRIMARY KEY (hub, stream)
) STRICT, WITHOUT ROWID;

CREATE INDEX queue_waiting ON queue (hub, stream) WHERE last > taken;

-- What waits.
CREATE TABLE queue_item (
    hub TEXT NOT NULL,
    stream TEXT NOT NULL,
    place INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (hub, stream, place)
) STRICT, WITHOUT ROWID;

-- What hubs refused, for a person.
CREATE TABLE refused_item (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    hub TEXT NOT NULL,
    stream TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    why TEXT NOT NULL
) STRICT;
