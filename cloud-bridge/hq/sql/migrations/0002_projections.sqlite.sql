-- Projections: what the events say, in rows. `store-hub-hq rebuild` empties all of these tables and fills them again.

-- Events that have no effect, and why.
CREATE TABLE quarantine (
    hub TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    stream TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (hub, epoch, stream, sequence)
) STRICT, WITHOUT ROWID;

-- A sale, once, with the event that told it first. Amounts are in minor units of its currency.
CREATE TABLE sale (
    hub TEXT NOT NULL,
    sale TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    stream TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    -- The register's own; the sale's id if it gave none.
    reference TEXT NOT NULL,
    register TEXT NOT NULL,
    operator TEXT,
    receipt INTEGER NOT NULL,
    fiscal_year INTEGER NOT NULL,
    business_day TEXT NOT NULL,
    sold_at_ms INTEGER NOT NULL,
    customer TEXT,
    currency TEXT NOT NULL,
    regular INTEGER NOT NULL,
    discount INTEGER NOT NULL,
    net INTEGER NOT NULL,
    manufacturer_coupon INTEGER NOT NULL,
    tendered INTEGER NOT NULL,
    change INTEGER NOT NULL,
    movement INTEGER,
    PRIMARY KEY (hub, sale)
) STRICT, WITHOUT ROWID;

CREATE INDEX sale_reference ON sale (hub, reference);
CREATE INDEX sale_day ON sale (hub, business_day);

CREATE TABLE sale_line (
    hub TEXT NOT NULL,
    business_day TEXT NOT NULL,
    sale TEXT NOT NULL,
    -- Its place in the sale, from 1.
    place INTEGER NOT NULL,
    number INTEGER NOT NULL,
    sku TEXT,
    gtin TEXT,
    on_file INTEGER NOT NULL,
    description TEXT NOT NULL,
    quantity_milli INTEGER NOT NULL,
    unit TEXT NOT NULL,
    regular INTEGER NOT NULL,
    net INTEGER NOT NULL,
    PRIMARY KEY (hub, business_day, sale, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE sale_tender (
    hub TEXT NOT NULL,
    sale TEXT NOT NULL,
    place INTEGER NOT NULL,
    kind TEXT NOT NULL,
    amount INTEGER NOT NULL,
    scheme TEXT,
    PRIMARY KEY (hub, sale, place)
) STRICT, WITHOUT ROWID;

-- What a store sold on a business day.
CREATE TABLE day (
    hub TEXT NOT NULL,
    business_day TEXT NOT NULL,
    currency TEXT NOT NULL,
    sales INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    regular INTEGER NOT NULL,
    discount INTEGER NOT NULL,
    net INTEGER NOT NULL,
    manufacturer_coupon INTEGER NOT NULL,
    PRIMARY KEY (hub, business_day, currency)
) STRICT, WITHOUT ROWID;

-- How it was paid; change is taken off cash.
CREATE TABLE day_tender (
    hub TEXT NOT NULL,
    business_day TEXT NOT NULL,
    currency TEXT NOT NULL,
    kind TEXT NOT NULL,
    tenders INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (hub, business_day, currency, kind)
) STRICT, WITHOUT ROWID;

-- What a store has of an item by a unit, in thousandths in each state.
CREATE TABLE stock (
    hub TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    sku TEXT NOT NULL,
    unit TEXT NOT NULL,
    on_hand INTEGER NOT NULL,
    reserved INTEGER NOT NULL,
    in_transit INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    damaged INTEGER NOT NULL,
    PRIMARY KEY (hub, epoch, sku, unit)
) STRICT, WITHOUT ROWID;

-- The first movement that was booked in an epoch: what earlier epochs booked from there on never happened.
CREATE TABLE epoch_start (
    hub TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    first_movement INTEGER NOT NULL,
    PRIMARY KEY (hub, epoch)
) STRICT, WITHOUT ROWID;

-- An item of a movement of a transfer, in the books of one of its stores.
CREATE TABLE transfer_half (
    -- Who sent the goods, and its transfer.
    sender TEXT NOT NULL,
    transfer TEXT NOT NULL,
    sku TEXT NOT NULL,
    unit TEXT NOT NULL,
    -- Who booked it, and where.
    hub TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    movement INTEGER NOT NULL,
    place INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    quantity_milli INTEGER NOT NULL,
    PRIMARY KEY (sender, transfer, sku, unit, hub, epoch, movement, place)
) STRICT, WITHOUT ROWID;
