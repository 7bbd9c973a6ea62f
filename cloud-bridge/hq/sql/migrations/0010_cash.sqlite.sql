-- Cash: what the sales of a shift say, and what its count said.

-- The tenders of the sales of a shift; change is taken off cash.
CREATE TABLE shift_book (
    hub TEXT NOT NULL,
    business_day TEXT NOT NULL,
    currency TEXT NOT NULL,
    shift TEXT NOT NULL,
    kind TEXT NOT NULL,
    tenders INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (hub, business_day, currency, shift, kind)
) STRICT, WITHOUT ROWID;

-- The tenders of a closed shift, as the store told them.
CREATE TABLE shift_tender (
    hub TEXT NOT NULL,
    business_day TEXT NOT NULL,
    currency TEXT NOT NULL,
    shift TEXT NOT NULL,
    kind TEXT NOT NULL,
    tenders INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (hub, business_day, currency, shift, kind)
) STRICT, WITHOUT ROWID;

-- A closed shift: what should have been in the till, and what was.
CREATE TABLE shift_result (
    hub TEXT NOT NULL,
    business_day TEXT NOT NULL,
    currency TEXT NOT NULL,
    shift TEXT NOT NULL,
    till TEXT NOT NULL,
    closed_at_ms INTEGER NOT NULL,
    sales INTEGER NOT NULL,
    expected INTEGER NOT NULL,
    -- NULL if nobody had to count.
    counted INTEGER,
    difference INTEGER NOT NULL,
    PRIMARY KEY (hub, business_day, currency, shift)
) STRICT, WITHOUT ROWID;

-- Cash that was put into a till or taken out of it without a sale.
CREATE TABLE cash_movement (
    hub TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    shift TEXT NOT NULL,
    till TEXT NOT NULL,
    kind TEXT NOT NULL,
    amount INTEGER NOT NULL,
    reason TEXT,
    station TEXT NOT NULL,
    operator TEXT,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (hub, epoch, sequence)
) STRICT, WITHOUT ROWID;

-- A closed business day of a store.
CREATE TABLE store_day (
    hub TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    number INTEGER NOT NULL,
    business_day TEXT NOT NULL,
    closed_at_ms INTEGER NOT NULL,
    shifts INTEGER NOT NULL,
    uncounted INTEGER NOT NULL,
    expected INTEGER NOT NULL,
    counted INTEGER NOT NULL,
    difference INTEGER NOT NULL,
    PRIMARY KEY (hub, epoch, number)
) STRICT, WITHOUT ROWID;
