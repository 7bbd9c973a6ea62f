-- What happened to units with serial numbers, and who registered their warranties.
CREATE TABLE unit_event (
    sku TEXT NOT NULL,
    serial TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    hub TEXT NOT NULL,
    sale TEXT NOT NULL,
    number INTEGER NOT NULL,
    is_sold INTEGER NOT NULL,
    customer TEXT,
    starts TEXT,
    months INTEGER,
    ends TEXT,
    PRIMARY KEY (sku, serial, at_ms, hub, sale, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE warranty_registration (
    sku TEXT NOT NULL,
    serial TEXT NOT NULL,
    customer TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (sku, serial)
) STRICT, WITHOUT ROWID;
