-- Cash: what the sales of a shift say, and what its count said.

-- The tenders of the sales of a shift; change is taken off cash.
CREATE TABLE shift_book (
    hub TEXT COLLATE "C" NOT NULL,
    business_day TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    shift TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    tenders BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (hub, business_day, currency, shift, kind)
);

-- The tenders of a closed shift, as the store told them.
CREATE TABLE shift_tender (
    hub TEXT COLLATE "C" NOT NULL,
    business_day TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    shift TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    tenders BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (hub, business_day, currency, shift, kind)
);

-- A closed shift: what should have been in the till, and what was.
CREATE TABLE shift_result (
    hub TEXT COLLATE "C" NOT NULL,
    business_day TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    shift TEXT COLLATE "C" NOT NULL,
    till TEXT NOT NULL,
    closed_at_ms BIGINT NOT NULL,
    sales BIGINT NOT NULL,
    expected BIGINT NOT NULL,
    -- NULL if nobody had to count.
    counted BIGINT,
    difference BIGINT NOT NULL,
    PRIMARY KEY (hub, business_day, currency, shift)
);

-- Cash that was put into a till or taken out of it without a sale.
CREATE TABLE cash_movement (
    hub TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    shift TEXT NOT NULL,
    till TEXT NOT NULL,
    kind TEXT NOT NULL,
    amount BIGINT NOT NULL,
    reason TEXT,
    station TEXT NOT NULL,
    operator TEXT,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (hub, epoch, sequence)
);

-- A closed business day of a store.
CREATE TABLE store_day (
    hub TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    number BIGINT NOT NULL,
    business_day TEXT NOT NULL,
    closed_at_ms BIGINT NOT NULL,
    shifts BIGINT NOT NULL,
    uncounted BIGINT NOT NULL,
    expected BIGINT NOT NULL,
    counted BIGINT NOT NULL,
    difference BIGINT NOT NULL,
    PRIMARY KEY (hub, epoch, number)
);
