-- Goods that came back: the lines, and the tickets with their decisions.
CREATE TABLE return_line (
    hub TEXT COLLATE "C" NOT NULL,
    sale TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    of_hub TEXT COLLATE "C",
    of_sale TEXT COLLATE "C",
    of_line BIGINT NOT NULL,
    sku TEXT COLLATE "C",
    quantity_milli BIGINT NOT NULL,
    refund BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    disposition TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (hub, sale, number)
);
CREATE INDEX return_line_of ON return_line (of_hub, of_sale);

CREATE TABLE return_ticket (
    at_ms BIGINT NOT NULL,
    hub TEXT COLLATE "C" NOT NULL,
    sale TEXT COLLATE "C" NOT NULL,
    place BIGINT NOT NULL,
    of_hub TEXT COLLATE "C",
    of_sale TEXT COLLATE "C",
    currency TEXT COLLATE "C" NOT NULL,
    refund BIGINT NOT NULL,
    validated TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    rules TEXT COLLATE "C" NOT NULL,
    register TEXT COLLATE "C" NOT NULL,
    operator TEXT COLLATE "C",
    approved_by TEXT COLLATE "C",
    PRIMARY KEY (at_ms, hub, sale, place)
);
CREATE INDEX return_ticket_of ON return_ticket (of_hub, of_sale);

-- The returns of each identity, which is a hash.
CREATE TABLE return_identity (
    identity TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL,
    hub TEXT COLLATE "C" NOT NULL,
    sale TEXT COLLATE "C" NOT NULL,
    place BIGINT NOT NULL,
    refund BIGINT NOT NULL,
    receipted BIGINT NOT NULL,
    who TEXT COLLATE "C",
    card TEXT COLLATE "C",
    PRIMARY KEY (identity, at_ms, hub, sale, place)
);
