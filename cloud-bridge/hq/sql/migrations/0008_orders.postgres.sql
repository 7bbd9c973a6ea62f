-- Orders.

-- What routing must know of a store, as it was loaded. Stores without a row get no orders.
CREATE TABLE store_profile (
    hub TEXT COLLATE "C" PRIMARY KEY,
    -- As `hq::orders::Profile` is written in JSON.
    body TEXT NOT NULL,
    changed_at_ms BIGINT NOT NULL
);

-- How orders are routed, and when: one row, if the defaults were changed.
CREATE TABLE order_policy (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    body TEXT NOT NULL
);

-- HQ's side of each store's web quotas, in thousandths of the unit. HQ's own record: its sales are decisions.
CREATE TABLE web_quota (
    hub TEXT COLLATE "C" NOT NULL,
    sku TEXT COLLATE "C" NOT NULL,
    unit TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    as_of_ms BIGINT NOT NULL,
    granted BIGINT NOT NULL,
    spent BIGINT NOT NULL,
    recalled BIGINT NOT NULL,
    returned BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    PRIMARY KEY (hub, sku, unit),
    CHECK (spent >= 0)
);

CREATE INDEX web_quota_item ON web_quota (sku, unit, hub);

-- An order, as it was placed, and what HQ decided of it.
CREATE TABLE placed_order (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The shop's own.
    order_id TEXT COLLATE "C" NOT NULL UNIQUE,
    -- The store that took it, if a store did.
    taken_by TEXT COLLATE "C",
    kind TEXT COLLATE "C" NOT NULL,
    -- As the shop sent it: by this a repeat is told from another order.
    digest BYTEA NOT NULL,
    body TEXT NOT NULL,
    destination TEXT NOT NULL,
    -- Amounts that are not routed any more: not wanted, or not to be had.
    given_up TEXT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    placed_at_ms BIGINT NOT NULL,
    due_ms BIGINT NOT NULL,
    ended_at_ms BIGINT,
    -- Its pickup slot, if it has one.
    slot_hub TEXT COLLATE "C",
    slot_ms BIGINT,
    -- Events of it in the feed.
    events BIGINT NOT NULL,
    -- When to look at it again.
    attention_at_ms BIGINT
);

CREATE INDEX placed_order_attention ON placed_order (attention_at_ms, number) WHERE attention_at_ms IS NOT NULL;
CREATE INDEX placed_order_open ON placed_order (due_ms, number) WHERE ended_at_ms IS NULL;

-- A part of an order, as it was offered to a store.
CREATE TABLE order_part (
    number BIGINT NOT NULL,
    part BIGINT NOT NULL,
    hub TEXT COLLATE "C" NOT NULL,
    -- The offer, as it was sent.
    body TEXT NOT NULL,
    -- The number of the queue that the offer went into: a later one begins when the hub's store was set back.
    queue BIGINT NOT NULL,
    -- When HQ asked the store to give it back, to route it again.
    recalled_at_ms BIGINT,
    state TEXT COLLATE "C" NOT NULL,
    is_open BIGINT NOT NULL,
    -- Whether the hub refused the offer as an item, which counts as a rejection.
    is_refused BIGINT NOT NULL,
    PRIMARY KEY (number, part)
);

CREATE INDEX order_part_open ON order_part (hub) WHERE is_open = 1;

-- Each decision of routing, with its reasons.
CREATE TABLE order_decision (
    number BIGINT NOT NULL,
    decision BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    why TEXT NOT NULL,
    plan TEXT NOT NULL,
    PRIMARY KEY (number, decision)
);

-- Refunds that HQ's payment side owes.
CREATE TABLE refund_task (
    number BIGINT NOT NULL,
    task BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    -- Of the prepayment.
    reference TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    done_at_ms BIGINT,
    -- Of the refund, as the payment side told it.
    refunded_by TEXT,
    PRIMARY KEY (number, task)
);

CREATE INDEX refund_task_due ON refund_task (number, task) WHERE done_at_ms IS NULL;

-- Orders in each pickup slot.
CREATE TABLE pickup_slot (
    hub TEXT COLLATE "C" NOT NULL,
    from_ms BIGINT NOT NULL,
    taken BIGINT NOT NULL,
    PRIMARY KEY (hub, from_ms)
);

-- What stores said of their parts: a projection.
CREATE TABLE order_progress (
    order_id TEXT COLLATE "C" NOT NULL,
    part BIGINT NOT NULL,
    hub TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    -- The event's body.
    body TEXT NOT NULL,
    PRIMARY KEY (order_id, part, hub, epoch, sequence)
);
