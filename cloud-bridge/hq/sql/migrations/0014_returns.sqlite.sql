-- Goods that came back: the lines, and the tickets with their decisions.
CREATE TABLE return_line (
    hub TEXT NOT NULL,
    sale TEXT NOT NULL,
    number INTEGER NOT NULL,
    of_hub TEXT,
    of_sale TEXT,
    of_line INTEGER NOT NULL,
    sku TEXT,
    quantity_milli INTEGER NOT NULL,
    refund INTEGER NOT NULL,
    reason TEXT NOT NULL,
    disposition TEXT NOT NULL,
    PRIMARY KEY (hub, sale, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX return_line_of ON return_line (of_hub, of_sale);

CREATE TABLE return_ticket (
    at_ms INTEGER NOT NULL,
    hub TEXT NOT NULL,
    sale TEXT NOT NULL,
    place INTEGER NOT NULL,
    of_hub TEXT,
    of_sale TEXT,
    currency TEXT NOT NULL,
    refund INTEGER NOT NULL,
    validated TEXT NOT NULL,
    outcome TEXT NOT NULL,
    rules TEXT NOT NULL,
    register TEXT NOT NULL,
    operator TEXT,
    approved_by TEXT,
    PRIMARY KEY (at_ms, hub, sale, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX return_ticket_of ON return_ticket (of_hub, of_sale);

-- The returns of each identity, which is a hash.
CREATE TABLE return_identity (
    identity TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    hub TEXT NOT NULL,
    sale TEXT NOT NULL,
    place INTEGER NOT NULL,
    refund INTEGER NOT NULL,
    receipted INTEGER NOT NULL,
    who TEXT,
    card TEXT,
    PRIMARY KEY (identity, at_ms, hub, sale, place)
) STRICT, WITHOUT ROWID;
