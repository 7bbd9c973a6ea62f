-- Projections: what the events say, in rows. `store-hub-hq rebuild` empties all of these tables and fills them again.

-- Events that have no effect, and why.
CREATE TABLE quarantine (
    hub TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (hub, epoch, stream, sequence)
);

-- A sale, once, with the event that told it first. Amounts are in minor units of its currency.
CREATE TABLE sale (
    hub TEXT COLLATE "C" NOT NULL,
    sale TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    -- The register's own; the sale's id if it gave none.
    reference TEXT COLLATE "C" NOT NULL,
    register TEXT COLLATE "C" NOT NULL,
    operator TEXT COLLATE "C",
    receipt BIGINT NOT NULL,
    fiscal_year BIGINT NOT NULL,
    business_day TEXT COLLATE "C" NOT NULL,
    sold_at_ms BIGINT NOT NULL,
    customer TEXT COLLATE "C",
    currency TEXT COLLATE "C" NOT NULL,
    regular BIGINT NOT NULL,
    discount BIGINT NOT NULL,
    net BIGINT NOT NULL,
    manufacturer_coupon BIGINT NOT NULL,
    tendered BIGINT NOT NULL,
    change BIGINT NOT NULL,
    movement BIGINT,
    PRIMARY KEY (hub, sale)
);

CREATE INDEX sale_reference ON sale (hub, reference);
CREATE INDEX sale_day ON sale (hub, business_day);

CREATE TABLE sale_line (
    hub TEXT COLLATE "C" NOT NULL,
    business_day TEXT COLLATE "C" NOT NULL,
    sale TEXT COLLATE "C" NOT NULL,
    -- Its place in the sale, from 1.
    place BIGINT NOT NULL,
    number BIGINT NOT NULL,
    sku TEXT COLLATE "C",
    gtin TEXT COLLATE "C",
    on_file BIGINT NOT NULL,
    description TEXT NOT NULL,
    quantity_milli BIGINT NOT NULL,
    unit TEXT COLLATE "C" NOT NULL,
    regular BIGINT NOT NULL,
    net BIGINT NOT NULL,
    PRIMARY KEY (hub, business_day, sale, place)
) PARTITION BY RANGE (business_day);

-- A partition a month; the rest is for months that no store should sell in: of clocks that are wrong.
CREATE TABLE sale_line_rest PARTITION OF sale_line DEFAULT;

-- Makes the partition of a month, `2026-11`, if it is not there. If the rest has lines of the month, it keeps them.
CREATE FUNCTION make_sale_line_month(month TEXT) RETURNS VOID LANGUAGE plpgsql AS $function$
DECLARE
    first DATE := (month || '-01')::DATE;
BEGIN
    EXECUTE format(
        'CREATE TABLE IF NOT EXISTS %I PARTITION OF sale_line FOR VALUES FROM (%L) TO (%L)',
        'sale_line_' || replace(month, '-', '_'), month, to_char(first + INTERVAL '1 month', 'YYYY-MM')
    );
EXCEPTION
    WHEN check_violation THEN NULL;
END
$function$;

CREATE TABLE sale_tender (
    hub TEXT COLLATE "C" NOT NULL,
    sale TEXT COLLATE "C" NOT NULL,
    place BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    amount BIGINT NOT NULL,
    scheme TEXT,
    PRIMARY KEY (hub, sale, place)
);

-- What a store sold on a business day.
CREATE TABLE day (
    hub TEXT COLLATE "C" NOT NULL,
    business_day TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    sales BIGINT NOT NULL,
    lines BIGINT NOT NULL,
    regular BIGINT NOT NULL,
    discount BIGINT NOT NULL,
    net BIGINT NOT NULL,
    manufacturer_coupon BIGINT NOT NULL,
    PRIMARY KEY (hub, business_day, currency)
);

-- How it was paid; change is taken off cash.
CREATE TABLE day_tender (
    hub TEXT COLLATE "C" NOT NULL,
    business_day TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    tenders BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (hub, business_day, currency, kind)
);

-- What a store has of an item by a unit, in thousandths in each state.
CREATE TABLE stock (
    hub TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    sku TEXT COLLATE "C" NOT NULL,
    unit TEXT COLLATE "C" NOT NULL,
    on_hand BIGINT NOT NULL,
    reserved BIGINT NOT NULL,
    in_transit BIGINT NOT NULL,
    quarantined BIGINT NOT NULL,
    damaged BIGINT NOT NULL,
    PRIMARY KEY (hub, epoch, sku, unit)
);

-- The first movement that was booked in an epoch: what earlier epochs booked from there on never happened.
CREATE TABLE epoch_start (
    hub TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    first_movement BIGINT NOT NULL,
    PRIMARY KEY (hub, epoch)
);

-- An item of a movement of a transfer, in the books of one of its stores.
CREATE TABLE transfer_half (
    -- Who sent the goods, and its transfer.
    sender TEXT COLLATE "C" NOT NULL,
    transfer TEXT COLLATE "C" NOT NULL,
    sku TEXT COLLATE "C" NOT NULL,
    unit TEXT COLLATE "C" NOT NULL,
    -- Who booked it, and where.
    hub TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    movement BIGINT NOT NULL,
    place BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL,
    quantity_milli BIGINT NOT NULL,
    PRIMARY KEY (sender, transfer, sku, unit, hub, epoch, movement, place)
);
