-- The book of each day against its Z report, and the reconciliations of payment terminals. `rebuild` fills the new
-- columns for days that HQ has heard of before.

-- What customers owed: goods, deposits, fees and added taxes. Then the sales that void others, and their sum.
ALTER TABLE day ADD COLUMN owed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE day ADD COLUMN voids BIGINT NOT NULL DEFAULT 0;
ALTER TABLE day ADD COLUMN voided BIGINT NOT NULL DEFAULT 0;

-- The takings of the Z report.
ALTER TABLE store_day ADD COLUMN sales BIGINT NOT NULL DEFAULT 0;
ALTER TABLE store_day ADD COLUMN discount BIGINT NOT NULL DEFAULT 0;
ALTER TABLE store_day ADD COLUMN net BIGINT NOT NULL DEFAULT 0;
ALTER TABLE store_day ADD COLUMN owed BIGINT NOT NULL DEFAULT 0;

-- A terminal that was asked to close its day.
CREATE TABLE terminal_result (
    hub TEXT COLLATE "C" NOT NULL,
    business_day TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    number BIGINT NOT NULL,
    terminal TEXT COLLATE "C" NOT NULL,
    -- 'agrees', 'differs' or 'not_reconciled'.
    state TEXT COLLATE "C" NOT NULL,
    ended_at_ms BIGINT NOT NULL,
    -- By the terminal, by the store, and the difference; NULL if it reported nothing.
    terminal_amount BIGINT,
    store_amount BIGINT,
    difference BIGINT,
    -- The bookings that can be the cause, also those that are not listed.
    suspects BIGINT NOT NULL,
    -- Why it reported nothing.
    why TEXT COLLATE "C",
    PRIMARY KEY (hub, business_day, currency, epoch, number)
);

-- A booking that can be the cause of a difference.
CREATE TABLE terminal_suspect (
    hub TEXT COLLATE "C" NOT NULL,
    business_day TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    number BIGINT NOT NULL,
    booking BIGINT NOT NULL,
    payment TEXT COLLATE "C" NOT NULL,
    register TEXT COLLATE "C" NOT NULL,
    amount BIGINT NOT NULL,
    requested BIGINT NOT NULL,
    -- 1 if it alone explains the difference of its scheme.
    explains BIGINT NOT NULL,
    PRIMARY KEY (hub, business_day, currency, epoch, number, booking)
);
