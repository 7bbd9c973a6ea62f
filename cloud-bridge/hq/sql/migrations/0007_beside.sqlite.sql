-- What hubs say beside their events.

-- Positions that a hub told ahead of its events, until those up to the versions have arrived.
CREATE TABLE told_position (
    hub TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    sku TEXT NOT NULL,
    unit TEXT NOT NULL,
    -- The last event of each stream whose effect is in it.
    sales_version INTEGER NOT NULL,
    stock_version INTEGER NOT NULL,
    told_at_ms INTEGER NOT NULL,
    on_hand INTEGER NOT NULL,
    reserved INTEGER NOT NULL,
    in_transit INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    damaged INTEGER NOT NULL,
    PRIMARY KEY (hub, epoch, sku, unit)
) STRICT, WITHOUT ROWID;

-- Whether a hub is connected, and since when.
CREATE TABLE presence (
    hub TEXT PRIMARY KEY,
    -- Which of its connections it said hello on last.
    connection TEXT NOT NULL,
    is_online INTEGER NOT NULL,
    since_ms INTEGER NOT NULL,
    heard_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The newest sample of each hub, as it sent it.
CREATE TABLE telemetry (
    hub TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    received_at_ms INTEGER NOT NULL,
    -- Samples that the hub dropped since it started.
    dropped INTEGER NOT NULL,
    sample TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A hub asks for a receipt by its number, of whatever fiscal year.
CREATE INDEX sale_number ON sale (hub, register, receipt);
