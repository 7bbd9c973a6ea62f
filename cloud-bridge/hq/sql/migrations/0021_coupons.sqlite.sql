-- The uses of store coupons: 1 for a sale, -1 for its void.
CREATE TABLE coupon_use (
    class TEXT NOT NULL,
    code TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    hub TEXT NOT NULL,
    sale TEXT NOT NULL,
    change INTEGER NOT NULL,
    customer TEXT,
    PRIMARY KEY (class, code, at_ms, hub, sale)
) STRICT, WITHOUT ROWID;

CREATE INDEX coupon_use_of_customer ON coupon_use (class, customer) WHERE customer IS NOT NULL;
