-- The cards of sales, by the hashes of their tokens: a projection.
CREATE TABLE sale_card (
    card TEXT COLLATE "C" NOT NULL,
    hub TEXT COLLATE "C" NOT NULL,
    sale TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (card, hub, sale)
);

-- Sales are found by the number of an order and by the serial number of a unit.
CREATE INDEX sale_by_reference ON sale (reference);
CREATE INDEX unit_event_serial ON unit_event (serial);

-- The return that a refund is for, such as `store-1/1-9`; none if the goods were not delivered.
ALTER TABLE refund_task ADD COLUMN returned TEXT COLLATE "C";
