-- The book of each day against its Z report, and the reconciliations of payment terminals. `rebuild` fills the new
-- columns for days that HQ has heard of before.

-- What customers owed: goods, deposits, fees and added taxes. Then the sales that void others, and their sum.
ALTER TABLE day ADD COLUMN owed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE day ADD COLUMN voids INTEGER NOT NULL DEFAULT 0;
ALTER TABLE day ADD COLUMN voided INTEGER NOT NULL DEFAULT 0;

-- The takings of the Z report.
ALTER TABLE store_day ADD COLUMN sales INTEGER NOT NULL DEFAULT 0;
ALTER TABLE store_day ADD COLUMN discount INTEGER NOT NULL DEFAULT 0;
ALTER TABLE store_day ADD COLUMN net INTEGER NOT NULL DEFAULT 0;
ALTER TABLE store_day ADD COLUMN owed INTEGER NOT NULL DEFAULT 0;

-- A terminal that was asked to close its day.
CREATE TABLE terminal_result (
    hub TEXT NOT NULL,
    business_day TEXT NOT NULL,
    currency TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    number INTEGER NOT NULL,
    terminal TEXT NOT NULL,
    -- 'agrees', 'differs' or 'not_reconciled'.
    state TEXT NOT NULL,
    ended_at_ms INTEGER NOT NULL,
    -- By the terminal, by the store, and the difference; NULL if it reported nothing.
    terminal_amount INTEGER,
    store_amount INTEGER,
    difference INTEGER,
    -- The bookings that can be the cause, also those that are not listed.
    suspects INTEGER NOT NULL,
    -- Why it reported nothing.
    why TEXT,
    PRIMARY KEY (hub, business_day, currency, epoch, number)
) STRICT, WITHOUT ROWID;

-- A booking that can be the cause of a difference.
CREATE TABLE terminal_suspect (
    hub TEXT NOT NULL,
    business_day TEXT NOT NULL,
    currency TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    number INTEGER NOT NULL,
    booking INTEGER NOT NULL,
    payment TEXT NOT NULL,
    register TEXT NOT NULL,
    amount INTEGER NOT NULL,
    requested INTEGER NOT NULL,
    -- 1 if it alone explains the difference of its scheme.
    explains INTEGER NOT NULL,
    PRIMARY KEY (hub, business_day, currency, epoch, number, booking)
) STRICT, WITHOUT ROWID;
