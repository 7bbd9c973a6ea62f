-- The uses of store coupons: 1 for a sale, -1 for its void.
CREATE TABLE coupon_use (
    class TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL,
    hub TEXT COLLATE "C" NOT NULL,
    sale TEXT COLLATE "C" NOT NULL,
    change BIGINT NOT NULL,
    customer TEXT COLLATE "C",
    PRIMARY KEY (class, code, at_ms, hub, sale)
);

CREATE INDEX coupon_use_of_customer ON coupon_use (class, customer) WHERE customer IS NOT NULL;
