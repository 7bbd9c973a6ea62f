-- What hubs say beside their events.

-- Positions that a hub told ahead of its events, until those up to the versions have arrived.
CREATE TABLE told_position (
    hub TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    sku TEXT COLLATE "C" NOT NULL,
    unit TEXT COLLATE "C" NOT NULL,
    -- The last event of each stream whose effect is in it.
    sales_version BIGINT NOT NULL,
    stock_version BIGINT NOT NULL,
    told_at_ms BIGINT NOT NULL,
    on_hand BIGINT NOT NULL,
    reserved BIGINT NOT NULL,
    in_transit BIGINT NOT NULL,
    quarantined BIGINT NOT NULL,
    damaged BIGINT NOT NULL,
    PRIMARY KEY (hub, epoch, sku, unit)
);

-- Whether a hub is connected, and since when.
CREATE TABLE presence (
    hub TEXT COLLATE "C" PRIMARY KEY,
    -- Which of its connections it said hello on last.
    connection TEXT COLLATE "C" NOT NULL,
    is_online BIGINT NOT NULL,
    since_ms BIGINT NOT NULL,
    heard_at_ms BIGINT NOT NULL
);

-- The newest sample of each hub, as it sent it.
CREATE TABLE telemetry (
    hub TEXT COLLATE "C" PRIMARY KEY,
    epoch BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    received_at_ms BIGINT NOT NULL,
    -- Samples that the hub dropped since it started.
    dropped BIGINT NOT NULL,
    sample TEXT NOT NULL
);

-- A hub asks for a receipt by its number, of whatever fiscal year.
CREATE INDEX sale_number ON sale (hub, register, receipt);
