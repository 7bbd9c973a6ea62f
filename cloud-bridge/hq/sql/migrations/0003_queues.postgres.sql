-- What HQ sends down.

-- A queue for a hub and stream. Items have places, which only grow; a sequence is what a place is in the queue's
-- present number: `acknowledged` is that of the place `taken`.
CREATE TABLE queue (
    hub TEXT COLLATE "C" NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    -- Its number, by which it is told from the one before it.
    number BIGINT NOT NULL,
    -- The hub has everything up to here.
    acknowledged BIGINT NOT NULL,
    taken BIGINT NOT NULL,
    -- The place of the last item.
    last BIGINT NOT NULL,
    -- The newest life of the hub's store that was heard of.
    life BIGINT,
    -- What became of its items, since the first.
    applied BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    lost BIGINT NOT NULL,
    PRIMARY KEY (hub, stream)
);

CREATE INDEX queue_waiting ON queue (hub, stream) WHERE last > taken;

-- What waits.
CREATE TABLE queue_item (
    hub TEXT COLLATE "C" NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    place BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (hub, stream, place)
);

-- What hubs refused, for a person.
CREATE TABLE refused_item (
    position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hub TEXT COLLATE "C" NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    body TEXT NOT NULL,
    why TEXT NOT NULL
);
