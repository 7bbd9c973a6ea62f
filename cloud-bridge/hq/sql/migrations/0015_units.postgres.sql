-- What happened to units with serial numbers, and who registered their warranties.
CREATE TABLE unit_event (
    sku TEXT COLLATE "C" NOT NULL,
    serial TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL,
    hub TEXT COLLATE "C" NOT NULL,
    sale TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    is_sold BIGINT NOT NULL,
    customer TEXT COLLATE "C",
    starts TEXT COLLATE "C",
    months BIGINT,
    ends TEXT COLLATE "C",
    PRIMARY KEY (sku, serial, at_ms, hub, sale, number)
);

CREATE TABLE warranty_registration (
    sku TEXT COLLATE "C" NOT NULL,
    serial TEXT COLLATE "C" NOT NULL,
    customer TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (sku, serial)
);
